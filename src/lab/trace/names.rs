//! Names of the tensors that a plan's operations write.

use std::collections::HashMap;

use crate::{
    graph::{Plan, PlannedOp},
    kernel::{Binding, Role},
};

/// For each operation its name: its label in the model, with the kernel behind it where a layer is several kernels, and a number where
/// that is not enough.
pub fn names(plan: &Plan) -> Vec<String> {
    let mut names: Vec<String> = plan.ops.iter().map(|op| op.label.clone()).collect();
    refine(&mut names, |at, name| format!("{name}.{}", plan.ops[at].op.kernel().name));
    let mut seen: HashMap<String, usize> = HashMap::new();
    refine(&mut names, |_, name| {
        let count = seen.entry(name.to_owned()).or_default();
        *count += 1;
        format!("{name}.{count}")
    });
    names
}

/// Renames those that are not alone.
fn refine(names: &mut [String], mut rename: impl FnMut(usize, &str) -> String) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    names.iter().for_each(|name| *counts.entry(name.clone()).or_default() += 1);
    for (at, name) in names.iter_mut().enumerate().filter(|(_, name)| counts[*name] > 1) {
        *name = rename(at, name);
    }
}

/// An output of an operation.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its place among the bindings.
    pub at: usize,
    /// The binding.
    pub binding: Binding,
    /// The operation's name; with the binding's behind it where there are several outputs.
    pub name: String,
}

/// The outputs of the operation of this name.
pub fn outputs(op: &PlannedOp, name: &str) -> Vec<Named> {
    let all = op.op.bindings().into_iter().enumerate().filter(|(_, binding)| binding.role == Role::Output);
    let all: Vec<(usize, Binding)> = all.collect();
    let single = all.len() == 1;
    let named = |(at, binding): (usize, Binding)| {
        let name = if single { name.to_owned() } else { format!("{name}.{}", binding.name) };
        Named { at, binding, name }
    };
    all.into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{gpu::PORTABLE, lab::ModelRun, pipeline::DtypeChoice};

    #[test]
    fn every_tensor_of_a_model_has_a_name_of_its_own() {
        let run: ModelRun = "demo:64x64x8".parse().unwrap();
        let plans = run.plans(&PORTABLE, DtypeChoice::F32).unwrap();
        for plan in [
            &plans.text,
            &plans.image,
            &plans.encode,
            &plans.step.conditions,
            &plans.step.unet,
            &plans.step.ddim,
            &plans.decode.plan,
        ] {
            let names = names(plan);
            let all: Vec<String> =
                plan.ops.iter().zip(&names).flat_map(|(op, name)| outputs(op, name)).map(|n| n.name).collect();
            let distinct: HashSet<&String> = all.iter().collect();
            assert_eq!(distinct.len(), all.len(), "{}", plan.name);
            assert!(plan.ops.iter().zip(&names).all(|(op, name)| name.starts_with(&op.label)));
        }
    }

    #[test]
    fn what_stands_twice_is_told_apart() {
        let mut names: Vec<String> = ["a", "b", "a"].map(str::to_owned).to_vec();
        refine(&mut names, |at, name| format!("{name}.{at}"));
        assert_eq!(names, ["a.0", "b", "a.2"]);
    }
}
