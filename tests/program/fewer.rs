//! Fewer evaluations of the network: a solver of second order, other timesteps, deep features that are used again.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

use i2vgen::{
    checkpoint::{Checkpoint, ModelFiles},
    gpu::{self, Device, Disable},
    graph::{self, Keep, Watch, Watched},
    picture::Picture,
    pipeline::{Compat, Denoiser, DtypeChoice, Engine, Estimate, Event, Noise, Passes, PhaseName, Request, RngKind},
    sampler::{Guidance, Sampler, SchedulerOverrides, TimestepSpacing},
};
use serde_json::Value;

use crate::room::Room;

/// Runs every program as it would run unwatched, and keeps the dispatches of each evaluation of the UNet.
#[derive(Debug, Default)]
struct Tally(Mutex<Vec<usize>>);

impl Watch for Tally {
    fn run(&self, program: &Watched<'_>) -> Result<(), graph::Error> {
        let plan = program.plan();
        if plan.name == "unet" {
            self.0.lock().expect("the tally").push(plan.dispatches());
        }
        program.submit(0..plan.ops.len());
        Ok(())
    }
}

fn engine() -> Engine {
    let adapter = gpu::choose(std::env::var("I2VGEN_DEVICE").ok().as_deref()).expect("a device");
    let device = Device::open(&adapter, Disable::default()).expect("the device opens");
    let checkpoint = Checkpoint::open(ModelFiles::Demo).expect("the checkpoint opens");
    Engine::new(device, checkpoint, DtypeChoice::F32, Compat::Diffusers).expect("the engine starts")
}

/// A small guided clip of a picture with a square in it.
fn request(change: impl FnOnce(&mut Request)) -> Request {
    let pixel =
        |i: u32| if (10..22).contains(&(i % 32)) && (8..20).contains(&(i / 32)) { [220, 40, 30] } else { [60; 3] };
    let picture = Picture::from_rgb8(32, 32, (0..32 * 32).flat_map(pixel).collect()).expect("the picture");
    let mut request = Request {
        width: 32,
        height: 32,
        frames: 4,
        steps: 6,
        guidance: 2.0.into(),
        target_fps: 8.0,
        ..Request::new(picture, "a red square is moving right")
    };
    change(&mut request);
    request
}

/// The final latents, and the dispatches of every evaluation of the UNet.
fn made(change: impl FnOnce(&mut Request)) -> (Vec<f32>, Vec<usize>) {
    let tally = Arc::new(Tally::default());
    let made =
        engine().watched(tally.clone()).generate(&request(change), &mut |_: Event<'_>| ControlFlow::Continue(()));
    let latents = made.expect("the clip").remove(0).latents;
    let dispatches = tally.0.lock().expect("the tally").clone();
    (latents, dispatches)
}

/// Root mean square of the difference, in units of the first one's deviation from its mean.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let mean = a.iter().map(|&v| f64::from(v)).sum::<f64>() / a.len() as f64;
    let spread: f64 = a.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum();
    let apart: f64 = a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    (apart / spread).sqrt()
}

#[test]
fn deep_features_are_used_again() {
    let (exact, all) = made(|_| ());
    assert!(all.len() == 6 && all.iter().all(|&dispatches| dispatches == all[0]), "{all:?}");
    let (same, again) = made(|request| request.reuse_deep = 1);
    assert!(exact == same && again == all);
    // Every second step runs fewer dispatches; the clip stays near, nearer than with every step but the first.
    let (near, second) = made(|request| request.reuse_deep = 2);
    let outer = second[1];
    assert_eq!(second, [all[0], outer, all[0], outer, all[0], outer]);
    assert!(outer * 3 < all[0], "{outer} {}", all[0]);
    let (far, _) = made(|request| request.reuse_deep = 6);
    let [near, far] = [near, far].map(|latents| distance(&exact, &latents));
    assert!(near > 1e-4 && near < 0.3 && near < far, "{near} {far}");
    // Two passes each keep their own.
    let (two, dispatches) = made(|request| (request.reuse_deep, request.passes) = (2, Passes::Two));
    assert_eq!(dispatches.len(), 12);
    assert!((distance(&exact, &two) - near).abs() < 1e-3, "{}", distance(&exact, &two));
    // Where guidance changes, so do the features: each kind of step begins with a whole evaluation.
    let guidance = Guidance { steps: Some("50-100%=1".parse().expect("a schedule")), ..2.0.into() };
    let (_, mixed) = made(|request| (request.reuse_deep, request.guidance) = (2, guidance));
    assert_eq!(mixed.iter().map(|&d| d > outer * 2).collect::<Vec<_>>(), [true, false, true, true, false, true]);
}

#[test]
fn kept_features_are_planned_for() {
    let engine = engine();
    let estimate = |every: usize| {
        let request = request(|request| request.reuse_deep = every);
        Estimate::new(&engine.plans(&request, Keep::Nothing).expect("the plans"), request.step_counts())
    };
    let (exact, reusing) = (estimate(1), estimate(3));
    let [whole, kept] = [&exact, &reusing].map(|estimate| estimate.phase(PhaseName::Denoising).expect("a phase"));
    let outer = reusing.phase(PhaseName::Outermost).expect("a phase");
    assert!(exact.phase(PhaseName::Outermost).is_none());
    assert_eq!((whole.runs, kept.runs, outer.runs), (6, 2, 4));
    // Both rows of four frames of 4x4 latents with the 48 channels of the demo's outermost level, in f32.
    assert_eq!(kept.externals - whole.externals, 2 * 4 * 4 * 4 * 48 * 4);
    assert_eq!((outer.bytes(), outer.weights), (kept.bytes(), whole.weights));
    assert!(outer.flops < whole.flops / 2.0 && reusing.flops < exact.flops, "{} {}", outer.flops, whole.flops);
}

#[test]
fn a_solver_of_second_order_begins_and_ends_with_the_steps_of_ddim() {
    let trailing = |sampler: Sampler, steps: usize| {
        move |request: &mut Request| {
            (request.sampler, request.steps) = (sampler, steps);
            // From pure noise the two differ in what they take its logarithm of.
            request.scheduler = SchedulerOverrides {
                timestep_spacing: Some(TimestepSpacing::Trailing),
                rescale_betas_zero_snr: Some(false),
                ..SchedulerOverrides::default()
            };
        }
    };
    let [ddim, solver] = [Sampler::Ddim, Sampler::DpmSolver].map(|sampler| made(trailing(sampler, 2)).0);
    assert!(distance(&ddim, &solver) < 1e-5, "{}", distance(&ddim, &solver));
}

/// The network is never run, so its prediction is 0, and a step is its formula; a second clip begins without a trace of the first.
#[test]
fn a_step_uses_the_clean_estimate_of_the_step_before() {
    let engine = engine();
    let request =
        request(|request| (request.sampler, request.guidance, request.steps) = (Sampler::DpmSolver, 1.0.into(), 4));
    let course = engine.course(&request).expect("the course");
    let plans = engine.plans(&request, Keep::Nothing).expect("the plans");
    let weights = engine.unet_weights(&plans).expect("the weights");
    let denoiser = Denoiser::new(engine.device(), &plans, &weights).expect("the denoiser");
    assert!(course.steps[1].next_from_change > 0.0 && course.steps[3].next_from_change == 0.0);
    for seed in [1, 2] {
        let mut noise = Noise::new(RngKind::TorchCpu, seed);
        denoiser.start(&mut noise).expect("the first noise");
        let mut latents = denoiser.read("latents").expect("latents");
        let mut before = vec![0.0; latents.len()];
        for (index, step) in course.steps.iter().enumerate() {
            denoiser.step(&course, index, &mut noise).expect("a step");
            let after = denoiser.read("latents").expect("latents");
            for (i, &after) in after.iter().enumerate() {
                let (x0, eps) = (step.x0_from_sample * latents[i], step.eps_from_sample * latents[i]);
                let first_order = step.next_from_x0 * x0 + step.next_from_eps * eps;
                let expected = first_order + step.next_from_change * (x0 - before[i]);
                assert!((after - expected).abs() < 2e-5, "step {index}: {after} {expected}");
                before[i] = x0;
            }
            latents = after;
        }
    }
}

#[test]
fn what_saves_evaluations_is_kept_in_the_clip() {
    let room = Room::new();
    let options =
        ["--sampler", "dpm-solver++", "--reuse-deep", "2", "--eta", "0.5", "--steps", "4", "-o", "out/a-%d.png"];
    room.generate("photo.png", &options).ok();
    let parameters: Value = i2vgen::video::read_parameters(&room.path("out/a-1.png")).expect("parameters");
    assert_eq!((&parameters["sampler"], &parameters["reuse_deep"]), (&"dpm-solver++".into(), &2.into()));
    let from = ["generate", "--from", "out/a-1.png", "--model", "model", "-o", "out/b-%d.png", "--progress", "none"];
    room.run(&from).ok();
    assert_eq!(room.read("out/a-1.png"), room.read("out/b-1.png"));
    for (options, words) in [
        (["--sampler", "euler"], ["--sampler", "dpm-solver++"]),
        (["--reuse-deep", "0"], ["--reuse-deep: 0", "2 or 3"]),
        (["--reuse-deep", "x"], ["--reuse-deep", "invalid"]),
    ] {
        let ran = room.generate("photo.png", &options);
        assert!(ran.code.is_some_and(|code| code != 0), "{ran:?}");
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{words:?}: {ran:?}");
    }
    let many = room.generate("photo.png", &["--sampler", "dpm-solver++", "--steps", "1000"]);
    assert!(many.code != Some(0) && many.stderr.contains("choose 1 to 999"), "{many:?}");
}
