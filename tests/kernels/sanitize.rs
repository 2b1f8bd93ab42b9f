//! Every variant of every kernel on the interpreter, without a device: nothing races, everything is written before it is read, every barrier
//! is reached by all, nothing lies beyond what is bound; and the values are the twin's.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use i2vgen::{
    gpu::{Capabilities, DeviceKind, MatrixShape, PORTABLE},
    kernel::{self, Case, Choice, Dtype, Gemm, Linear, WgslFile},
    lab::{Conditions, Kind, Prepared, Sanitized},
};
use rayon::prelude::*;

/// Operations of single threads for one variant of one case.
const BUDGET: u64 = 1_000_000;
/// For the smallest case of a variant of which no workgroup came to its end.
const LARGE_BUDGET: u64 = 20_000_000;

/// What was found of a variant: its case, by number, its name, and the lanes of a subgroup that it ran with.
struct Found {
    case: usize,
    choice: Choice,
    lanes: u32,
    sanitized: Sanitized,
}

/// Devices, and the lanes of their subgroups: those of CPU drivers are as many as a register of the machine holds.
fn devices() -> [(Capabilities, u32); 4] {
    let card = Capabilities { kind: DeviceKind::Discrete, f16: true, ..PORTABLE.clone() };
    let cpu = |lanes| {
        let subgroup = Some([lanes, lanes]);
        (Capabilities { kind: DeviceKind::Cpu, int64: true, subgroup, ..card.clone() }, lanes)
    };
    [(card.clone(), 8), cpu(8), cpu(4), cpu(16)]
}

#[test]
fn no_variant_has_a_fault() {
    let cases = kernel::cases();
    let all: Vec<Found> = (0..cases.len()).into_par_iter().flat_map_iter(|case| variants(case, &cases[case])).collect();
    let mut by_variant: BTreeMap<(&str, &str), Vec<&Found>> = BTreeMap::new();
    for found in &all {
        by_variant.entry((cases[found.case].op.kernel().name, found.choice.variant)).or_default().push(found);
    }
    // Large tiles take more than the usual budget: their smallest case gets it.
    let unfinished = by_variant.values().filter(|list| list.iter().all(|found| found.sanitized.workgroups[0] == 0));
    let flops = |found: &&&Found| cases[found.case].op.cost().flops as u64;
    let smallest: Vec<&Found> = unfinished.filter_map(|list| list.iter().min_by_key(flops).copied()).collect();
    let again = |found: &Found| Found {
        case: found.case,
        choice: found.choice.clone(),
        lanes: found.lanes,
        sanitized: prepare(&cases[found.case]).sanitize(&found.choice, Some(found.lanes), LARGE_BUDGET),
    };
    let again: Vec<Found> = smallest.into_par_iter().map(again).collect();
    let failed: Vec<String> = all.iter().chain(&again).filter_map(|found| fault(&cases[found.case], found)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let finished = again.iter().all(|found| found.sanitized.workgroups[0] > 0);
    assert!(finished, "of every variant some workgroup runs to its end");
}

/// All variants of a case.
fn variants(number: usize, case: &Case) -> Vec<Found> {
    let mut seen = BTreeSet::new();
    let of_device =
        |(device, lanes): (Capabilities, u32)| case.op.variants(&device).into_iter().map(move |v| (v, lanes));
    let choices = devices().into_iter().flat_map(of_device);
    let choices = choices.filter(|(choice, _)| seen.insert(choice.defines.clone()));
    let prepared = prepare(case);
    let run = |(choice, lanes)| {
        let sanitized = prepared.sanitize(&choice, Some(lanes), BUDGET);
        Found { case: number, choice, lanes, sanitized }
    };
    choices.map(run).collect()
}

fn prepare(case: &Case) -> Prepared {
    Conditions { kinds: vec![Kind::Random], ..Conditions::new(7) }.prepare(case)
}

fn fault(case: &Case, Found { choice, lanes, sanitized: found, .. }: &Found) -> Option<String> {
    let [ran, all] = found.workgroups;
    let name = format!("{} {} {}, {lanes} lanes", case.op.kernel().name, choice.variant, case.name);
    println!("{name}: {ran} of {all} workgroups, error {:.1e}", found.error.unwrap_or(0.0));
    let right = found.error.is_none_or(|error| error <= case.tolerance.worst) && (ran == 0 || found.error.is_some());
    (found.unknown.is_some() || !found.faults.is_empty() || !right).then(|| format!("{name}: {found:?}"))
}

/// What the interpreter finds in a sum with this in place of what its threads begin with.
fn mutant(begin: &str, budget: u64) -> Sanitized {
    let mut cases = kernel::cases().into_iter();
    let case = cases.find(|case| case.op.kernel().name == "pointwise" && case.name == "sum f32").expect("the case");
    let base = case.op.choose(&PORTABLE);
    let text = base.wgsl(case.op.kernel()).expect("the text expands");
    let own = "if block >= p.end { return; }";
    assert!(text.contains(own));
    let file = Arc::new(WgslFile::new("mutant.wgsl", text.replace(own, begin)));
    let choice = kernel::stand_in(case.op.as_ref(), &base, &file, &PORTABLE).expect("the file fits");
    prepare(&case).sanitize(&choice, Some(8), budget)
}

#[test]
fn what_nobody_wrote_is_a_fault_once_all_workgroups_ran() {
    let found = |budget: u64| mutant("if block >= p.end || block == 3u { return; }", budget);
    assert_eq!(found(BUDGET).faults, ["y[12] not written, and 3 more"]);
    let some = found(BUDGET / 100);
    assert!(some.workgroups[0] < some.workgroups[1] && some.faults.is_empty(), "{some:?}");
}

/// It may be longer than any buffer of zeros: columns are more here than there are zeros in its place.
#[test]
fn of_an_absent_bias_nothing_is_read_but_the_first_zeros() {
    let plain = Gemm { bias: false, ..Gemm::plain(5, 8, 256, Dtype::F32) };
    let shapes = [
        ("tiles", plain.clone()),
        ("split", Gemm { rows: 1, ..plain.clone() }),
        ("no vectors", Gemm { columns: 255, ..plain.clone() }),
        ("geglu", Gemm { geglu: true, ..plain }),
    ];
    let cases = shapes.map(|(name, gemm)| Case::new(name, Arc::new(Linear::from(gemm))));
    let found: Vec<(&Case, Found)> =
        cases.iter().flat_map(|case| variants(0, case).into_iter().map(move |found| (case, found))).collect();
    let rungs: BTreeSet<&str> = found.iter().map(|(_, found)| found.choice.variant).collect();
    assert_eq!(rungs.len(), 6, "all but those with cooperative matrices: {rungs:?}");
    let failed: Vec<String> = found.into_iter().filter_map(|(case, found)| fault(case, &found)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn a_loop_without_an_end_is_a_fault() {
    let found = mutant("if block >= p.end { return; } loop { if p.end == 0u { break; } }", BUDGET);
    let [fault] = &found.faults[..] else { panic!("{found:?}") };
    assert!(fault.contains("never ends"), "{fault}");
    // Of one that goes on counting the place is told.
    let counting = "var rounds = 0u; loop { rounds += 1u; if p.end == 0u { break; } }";
    let found = mutant(&format!("if block >= p.end {{ return; }} {counting}"), BUDGET);
    assert!(found.workgroups[0] == 0 && found.ended_at.is_some_and(|place| place.contains("rounds += 1u")));
}

#[test]
fn cooperative_matrices_are_declined_in_words() {
    let shape = MatrixShape { mnk: [16; 3], operands: "f16".into(), sum: "f32".into() };
    let [(card, _), ..] = devices();
    let card = Capabilities {
        subgroup: Some([32, 32]),
        matrices: vec![shape],
        max_invocations: 1024,
        max_workgroup_memory: 48 << 10,
        ..card
    };
    let case = Case::new("matrices", Arc::new(Linear(Gemm::plain(256, 64, 64, Dtype::F16))));
    let matrix: Vec<Choice> = case.op.variants(&card).into_iter().filter(|choice| choice.variant == "matrix").collect();
    assert!(!matrix.is_empty());
    for choice in matrix {
        let found = prepare(&case).sanitize(&choice, Some(8), BUDGET);
        assert_eq!(found.unknown.as_deref(), Some("the interpreter does not know cooperative matrices"));
        assert!(found.faults.is_empty() && found.error.is_none(), "{found:?}");
    }
}
