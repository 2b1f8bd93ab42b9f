//! Every variant of every kernel on the interpreter, without a device: nothing races, everything is written before it is read, every barrier
//! is reached by all, nothing lies beyond what is bound; and the values are the twin's.

use std::collections::BTreeSet;

use i2vgen::{
    gpu::{Capabilities, DeviceKind, PORTABLE},
    kernel::{self, Case},
    lab::{Conditions, Kind},
};
use rayon::prelude::*;

/// Operations of single threads for one variant of one case.
const BUDGET: u64 = 3_000_000;

#[test]
fn no_variant_has_a_fault() {
    let failed: Vec<String> = kernel::cases().par_iter().flat_map_iter(faults).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn faults(case: &Case) -> Vec<String> {
    let card = Capabilities { kind: DeviceKind::Discrete, f16: true, ..PORTABLE.clone() };
    let cpu = Capabilities { kind: DeviceKind::Cpu, subgroup: Some([8, 8]), ..card.clone() };
    let prepared = Conditions { kinds: vec![Kind::Random], ..Conditions::new(7) }.prepare(case);
    let mut seen = BTreeSet::new();
    let mut failed = Vec::new();
    for choice in [&card, &cpu].into_iter().flat_map(|device| case.op.variants(device)) {
        if !seen.insert(choice.defines.clone()) {
            continue;
        }
        let found = prepared.sanitize(&choice, Some(8), BUDGET);
        let [ran, all] = found.workgroups;
        let name = format!("{} {} {}", case.op.kernel().name, choice.variant, case.name);
        println!("{name}: {ran} of {all} workgroups, error {:.1e}", found.error.unwrap_or(0.0));
        let right =
            found.error.is_none_or(|error| error <= case.tolerance.worst) && (ran == 0 || found.error.is_some());
        if found.unknown.is_some() || !found.faults.is_empty() || !right {
            failed.push(format!("{name}: {found:?}"));
        }
    }
    failed
}
