//! A clip through the library: `cargo run --release --example generate -- MODEL_DIR PICTURE "PROMPT" OUT.mp4`.
//!
//! Small and short, so that it ends soon on any device.

use std::{error::Error, ops::ControlFlow, path::Path};

use i2vgen::{
    checkpoint::Checkpoint,
    gpu::{self, Device, Disable},
    picture::Picture,
    pipeline::{Compat, DtypeChoice, Engine, Event, Passes, Request, RngKind},
    video::{self, Clip, Target},
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, picture, prompt, out] = arguments.as_slice() else {
        return Err("usage: generate MODEL_DIR PICTURE PROMPT OUT.mp4".into());
    };
    let target = Target::parse(Path::new(out))?;
    target.check()?;
    let device = Device::open(&gpu::choose(None)?, Disable::default())?;
    let checkpoint = Checkpoint::open(Path::new(model))?;
    let engine = Engine::new(device, checkpoint, DtypeChoice::Auto, Compat::Diffusers)?;

    let request = Request {
        picture: Picture::open(Path::new(picture))?.picture,
        prompt: prompt.clone(),
        negative_prompt: None,
        width: 128,
        height: 96,
        frames: 4,
        steps: 4,
        cfg_scale: 9.0,
        eta: 0.0,
        target_fps: 16.0,
        clip_skip: 1,
        seeds: vec![7],
        rng: RngKind::TorchCpu,
        compat: Compat::Diffusers,
        passes: Passes::Auto,
    };
    // Sees every step; `Break` cancels, and `latents()` reads the latents for a preview.
    let mut observer = |event: Event<'_>| {
        if let Event::Step { done, of, .. } = event {
            eprintln!("step {done} of {of}");
        }
        ControlFlow::Continue(())
    };
    for output in engine.generate(&request, &mut observer)? {
        let clip = Clip { width: request.width, height: request.height, fps: 8.0, frames: output.frames };
        let parameters = serde_json::json!({ "prompt": request.prompt, "seed": output.seed });
        println!("{}", video::write(&target, &clip, &parameters)?[0].display());
    }
    Ok(())
}
