//! Random numbers that the device draws from keys: those of the generator's specification, wherever a generation uses them.

use i2vgen::{
    checkpoint::{Checkpoint, ModelFiles},
    gpu::{self, Device, Disable},
    graph::Keep,
    kernel::{Op, Philox},
    pipeline::{Compat, Denoiser, DtypeChoice, Engine, Noise, Request, RngKind, Shape},
};

const SEED: u64 = 0x1_0000_0007;

/// What the specification draws for stream `stream` of the seed.
fn expected(elements: usize, stream: u32) -> Vec<f32> {
    let key = [SEED as u32 as f32, (SEED >> 32) as u32 as f32, stream as f32, 0.0];
    Philox { elements }.reference(&[&key]).remove(0)
}

/// A value of latents `[F, P, C]`, from noise `[C, F, P]` or `[F, C, P]`.
fn place(s: &Shape, i: usize, step: bool) -> usize {
    let (c, p, f) = (i % s.channels, i / s.channels % s.pixels(), i / s.channels / s.pixels());
    if step { (f * s.channels + c) * s.pixels() + p } else { (c * s.frames + f) * s.pixels() + p }
}

#[test]
fn keys_give_the_noise_of_every_step() {
    let adapter = gpu::choose(std::env::var("I2VGEN_DEVICE").ok().as_deref()).expect("a device");
    let device = Device::open(&adapter, Disable::default()).expect("the device opens");
    let checkpoint = Checkpoint::open(ModelFiles::Demo).expect("the checkpoint opens");
    let engine = Engine::new(device, checkpoint, DtypeChoice::F32, Compat::Diffusers).expect("the engine starts");
    let request = Request {
        width: 32,
        height: 32,
        frames: 2,
        steps: 4,
        guidance: 1.0.into(),
        eta: 1.0,
        rng: RngKind::Philox,
        ..Request::plain()
    };
    let course = engine.course(&request).expect("the course");
    let plans = engine.plans(&request, Keep::Nothing).expect("the plans");
    let weights = engine.unet_weights(&plans).expect("the weights");
    let denoiser = Denoiser::new(engine.device(), &plans, &weights).expect("the denoiser");
    let mut noise = Noise::new(RngKind::Philox, SEED);
    denoiser.start(&mut noise).expect("the first noise");
    let close = |a: f32, b: f32, what: &str| assert!((a - b).abs() < 2e-5, "{what}: {a} {b}");
    let s = &plans.shape;
    let mut latents = denoiser.read("latents").expect("latents");
    let initial = expected(s.elements(), 1);
    latents.iter().enumerate().for_each(|(i, &value)| close(value, initial[place(s, i, false)], "initial"));
    // The network was never run: its prediction is 0, and a step is its formula and its noise.
    for (index, step) in course.steps.iter().enumerate().take(2) {
        denoiser.step(&course, index, &mut noise).expect("a step");
        let next = denoiser.read("latents").expect("latents");
        let fresh = expected(s.elements(), 2 + index as u32);
        for (i, (&before, &after)) in latents.iter().zip(&next).enumerate() {
            let (x0, eps) = (step.x0_from_sample * before, step.eps_from_sample * before);
            let without = step.next_from_x0 * x0 + step.next_from_eps * eps;
            close(after, without + step.next_from_noise * fresh[place(s, i, true)], "step");
        }
        latents = next;
    }
    // Numbers of the host have no place in these plans.
    let refused = denoiser.start(&mut Noise::new(RngKind::TorchCpu, SEED)).unwrap_err().to_string();
    assert!(refused.starts_with("--rng: ") && refused.contains("noise.init"), "{refused}");
}
