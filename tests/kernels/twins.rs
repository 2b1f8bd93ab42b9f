//! Every case of every kernel against its CPU twin, on the adapter at hand: the variants that it would choose itself, and those that a
//! graphics card would.

use i2vgen::{
    gpu::{self, Capabilities, Device, DeviceKind},
    kernel::{self, Case, Choice, Define, Dtype, Role},
    lab::{Conditions, Report},
};

fn device() -> Device {
    let adapter = gpu::choose(std::env::var("I2VGEN_DEVICE").ok().as_deref()).expect("a device");
    Device::open(&adapter, gpu::Disable::default()).expect("the device opens")
}

/// Does the case store activations as f16?
fn is_half(case: &Case) -> bool {
    case.op.bindings().iter().any(|b| b.dtype == Dtype::F16 && !matches!(b.role, Role::Weight(_)))
}

fn told(r: &Report) -> String {
    let mut text = format!("{:<20} {:<46} {:<10} pieces {:>2}", r.kernel, r.case, r.variant, r.pieces);
    for run in &r.runs {
        text += &format!("  {:?} {:.1e} (rms {:.1e})", run.inputs, run.error(), run.rms);
        if !r.holds(run) {
            text += &format!("  FAILED {run:?}");
        }
    }
    text
}

/// `I2VGEN_EVERY=N`: only every N-th case, for drivers that take their time.
fn every() -> usize {
    std::env::var("I2VGEN_EVERY").ok().and_then(|n| n.parse().ok()).filter(|&n| n > 0).unwrap_or(1)
}

fn check_all(device: &Device, capabilities: &Capabilities, mut choose: impl FnMut(&Case) -> Option<Choice>) {
    // The interpreter has a test of its own.
    let conditions = Conditions { interpreted: 0, ..Conditions::new(0x1234_5678) };
    let mut failed = Vec::new();
    let cases = kernel::cases();
    let able = |case: &&Case| capabilities.f16 || !is_half(case);
    let chosen = cases.iter().filter(able).filter_map(|case| Some((case, choose(case)?)));
    for (case, choice) in chosen.step_by(every()) {
        match conditions.check(device, case, &choice) {
            Ok(report) => {
                println!("{}", told(&report));
                assert_eq!(report.compared[0], report.compared[1], "{}: all of a case is compared", case.name);
                if !report.passed() {
                    failed.push(told(&report));
                }
            }
            Err(e) => failed.push(format!("{} {}: {e}", case.op.kernel().name, case.name)),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn kernels_agree_with_their_twins() {
    let device = device();
    check_all(&device, device.capabilities(), |case| Some(case.op.choose(device.capabilities())));
}

/// What a graphics card would run, where this device chooses something else.
#[test]
fn variants_for_graphics_cards_agree_with_their_twins() {
    let device = device();
    let card = Capabilities { kind: DeviceKind::Discrete, ..device.capabilities().clone() };
    let other = |choice: &Choice, case: &Case| *choice != case.op.choose(device.capabilities());
    check_all(&device, &card, |case| Some(case.op.choose(&card)).filter(|choice| other(choice, case)));
}

/// Patches run only where somebody chooses them, `tune` or the user; where there are no matrices there are none. One tile after the other,
/// and one as cards get it, with its taps unrolled, which takes a CPU driver a while to compile.
#[test]
fn patches_agree_with_their_twins() {
    let device = device();
    let patches = |case: &Case, device: &Capabilities| -> Vec<Choice> {
        let tunings = case.op.tunings(device).into_iter();
        tunings.filter(|choice| choice.variant == "patch").collect()
    };
    let mut number = 0;
    check_all(&device, device.capabilities(), |case| {
        let mut patches = patches(case, device.capabilities());
        number += 1;
        let several = case.name.contains("more than a patch") && !patches.is_empty();
        several.then(|| patches.swap_remove(number % patches.len()))
    });
    let card = Capabilities { kind: DeviceKind::Discrete, ..device.capabilities().clone() };
    let unrolled = |choice: &Choice| choice.defines.get("UNROLLED") == Some(&Define::Int(1));
    check_all(&device, &card, |case| {
        let small = case.name.starts_with("temporal, whole steps");
        patches(case, &card).into_iter().rfind(|choice| small && unrolled(choice))
    });
}

/// Products whose steps have room once run only where `tune` finds them faster; where there are no matrices there are none.
#[test]
fn products_with_a_single_buffer_agree_with_their_twins() {
    let device = device();
    let settings = |case: &Case| case.op.tunings(device.capabilities()).into_iter();
    for held in [0, 1] {
        let single = |choice: &Choice| {
            let number = |name| choice.defines.get(name) == Some(&Define::Int(1));
            number("BUFFERS") && number("HELD") == (held == 1)
        };
        check_all(&device, device.capabilities(), |case| settings(case).find(single));
    }
}
