//! Made-up profiles for tests.

use std::collections::BTreeMap;

use super::{
    Setup,
    record::{Clock, Dispatch, Phase, PhaseKind, Profile, Start},
};
use crate::{
    gpu::{PORTABLE, Span},
    kernel::{Cost, Dtype},
    lab::Ceilings,
};

/// A dispatch of `[flops, bytes]`.
pub fn dispatch(label: &str, kernel: &str, [flops, bytes]: [f64; 2], times: &[Option<f64>]) -> Dispatch {
    Dispatch {
        label: label.into(),
        kernel: kernel.into(),
        variant: "portable".into(),
        numbers: BTreeMap::from([("THREADS".into(), 64)]),
        shape: serde_json::json!({ "rows": 3 }),
        piece: [0, 1],
        cost: Cost { flops, bytes },
        times: times.to_vec(),
        span: None,
    }
}

/// A step of two layers on a device of 100 operations and 10 bytes a second; its times grow by `factor`.
pub fn profile(factor: f64) -> Profile {
    let times = |seconds: f64| -> Vec<Option<f64>> {
        (0..6).map(|i| Some(factor * seconds * (1.0 + 0.001 * f64::from(i)))).collect()
    };
    let mut dispatches = vec![
        dispatch("down_blocks.0.resnets.0.conv1", "conv2d", [500.0, 10.0], &times(10.0)),
        dispatch("conv_out", "linear", [0.0, 50.0], &times(20.0)),
    ];
    dispatches[0].span = Some(Span { start: 0.0, end: 10.0 * factor });
    dispatches[1].span = Some(Span { start: 11.0 * factor, end: 31.0 * factor });
    let whole: Vec<f64> = (0..6).map(|i| factor * (30.5 + 0.01 * f64::from(i))).collect();
    Profile {
        version: "0".into(),
        setup: Setup {
            model: "toy".into(),
            random_weights: true,
            size: [64, 64],
            frames: 2,
            guided: true,
            one_batch: true,
            streaming: None,
            dtype: Dtype::F16,
        },
        steps: 50,
        device: PORTABLE.clone(),
        shader_checks: "on".into(),
        overrides: Vec::new(),
        tuned: None,
        ceilings: Ceilings { bytes: 10.0, f32: 100.0, dispatch: 0.25, ..Ceilings::default() },
        clock: Clock::Timestamps,
        phases: vec![Phase {
            kind: PhaseKind::Unet,
            runs: 50,
            submissions: 1,
            streamed: 0,
            timed: whole.iter().map(|w| w + 2.0).collect(),
            whole,
            start: Some([
                Start { load: 1.0, compile: 2.0, first: 40.0 },
                Start { load: 1.0, compile: 0.5, first: 31.0 },
            ]),
            dispatches,
        }],
    }
}
