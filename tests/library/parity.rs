//! The committed reference cases, stage by stage, against the reference implementation's float32 numbers.

use std::path::Path;

use crate::skip::skip;
use i2vgen::{
    checkpoint::{Checkpoint, ModelFiles},
    gpu::{self, Device, Disable},
    lab::{self, ReferenceCase},
    pipeline::{Compat, DtypeChoice, Engine},
};

fn verify(case: &str, dtype: DtypeChoice, disable: Disable) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(case);
    let adapter = gpu::choose(std::env::var("I2VGEN_DEVICE").ok().as_deref()).expect("a device");
    let device = Device::open(&adapter, disable).expect("the device opens");
    if dtype == DtypeChoice::F16 && !device.capabilities().f16 {
        return skip(&format!("{case} in f16"), "f16");
    }
    // A case without a model is one of the demo checkpoint.
    let model = dir.join("model");
    let files = if model.is_dir() { ModelFiles::named(&model) } else { ModelFiles::Demo };
    let checkpoint = Checkpoint::open(files).expect("the checkpoint opens");
    let engine = Engine::new(device, checkpoint, dtype, Compat::Diffusers).expect("the engine starts");
    let case = ReferenceCase::open(&dir).expect("the case opens");
    let found = lab::verify(&engine, &case, &mut |_| {}).expect("the case runs");
    let failed: Vec<_> = found.stages.iter().filter(|s| !s.ok()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(found.stages.len() > 40, "only {} stages were compared", found.stages.len());
}

/// A trained checkpoint: the errors of a clip that means something.
#[test]
fn demo_in_f32() {
    verify("demo", DtypeChoice::F32, Disable::default());
}

#[test]
fn demo_in_f16() {
    verify("demo", DtypeChoice::F16, Disable::default());
}

#[test]
fn guided_square_in_f32() {
    verify("guided-square", DtypeChoice::F32, Disable::default());
}

#[test]
fn guided_square_in_f16() {
    verify("guided-square", DtypeChoice::F16, Disable::default());
}

#[test]
fn single_row_in_f32() {
    verify("single-row", DtypeChoice::F32, Disable::default());
}

#[test]
fn single_row_in_f16() {
    verify("single-row", DtypeChoice::F16, Disable::default());
}

/// Bindings so small that nearly every dispatch is split, and none of the optional features.
#[test]
fn single_row_on_a_weak_device() {
    let weak = Disable {
        f16: true,
        subgroups: true,
        matrices: true,
        int64: true,
        max_binding: Some(80 << 10),
        max_workgroup_memory: Some(16 << 10),
    };
    verify("single-row", DtypeChoice::F32, weak);
}

#[test]
fn scheduler_epsilon_in_f32() {
    verify("scheduler-epsilon", DtypeChoice::F32, Disable::default());
}

#[test]
fn scheduler_epsilon_in_f16() {
    verify("scheduler-epsilon", DtypeChoice::F16, Disable::default());
}
