//! Every case of every kernel against its CPU twin, on the adapter at hand: the variants that it would choose itself, and those that a
//! graphics card would.

use i2vgen::{
    gpu::{self, Capabilities, Device, DeviceKind},
    kernel::{self, Case, Dtype, Role},
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

fn check_all(device: &Device, capabilities: &Capabilities, wanted: impl Fn(&Case) -> bool) {
    // The interpreter has a test of its own.
    let conditions = Conditions { interpreted: 0, ..Conditions::new(0x1234_5678) };
    let mut failed = Vec::new();
    let cases = kernel::cases();
    let able = |case: &&Case| wanted(case) && (capabilities.f16 || !is_half(case));
    for case in cases.iter().filter(able).step_by(every()) {
        match conditions.check(device, case, &case.op.choose(capabilities)) {
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
    check_all(&device, device.capabilities(), |_| true);
}

/// What a graphics card would run, where this device chooses something else.
#[test]
fn variants_for_graphics_cards_agree_with_their_twins() {
    let device = device();
    let card = Capabilities { kind: DeviceKind::Discrete, ..device.capabilities().clone() };
    check_all(&device, &card, |case| case.op.choose(&card) != case.op.choose(device.capabilities()));
}
