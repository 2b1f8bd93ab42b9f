//! A clip through the library: `cargo run --release --example generate -- PICTURE "PROMPT" OUT.mp4 [MODEL_DIR]`.
//!
//! Without a model folder the demo checkpoint inside the library is taken. Small and short, so that it ends soon on any device.

use std::{error::Error, ops::ControlFlow, path::Path};

use i2vgen::{
    checkpoint::{Checkpoint, ModelFiles},
    gpu::{self, Device, Disable},
    picture::Picture,
    pipeline::{Compat, DtypeChoice, Engine, Event, Request},
    video::{self, Clip, Target},
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ([picture, prompt, out], model) = match arguments.as_slice() {
        [picture, prompt, out] => ([picture, prompt, out], ModelFiles::Demo),
        [picture, prompt, out, model] => ([picture, prompt, out], ModelFiles::from(model)),
        _ => return Err("usage: generate PICTURE PROMPT OUT.mp4 [MODEL_DIR]".into()),
    };
    let target = Target::parse(Path::new(out))?;
    target.check()?;
    let device = Device::open(&gpu::choose(None)?, Disable::default())?;
    let checkpoint = Checkpoint::open(model)?;
    // What suits this checkpoint, where it says so.
    let defaults = checkpoint.defaults().cloned().unwrap_or_default();
    let engine = Engine::new(device, checkpoint, DtypeChoice::Auto, Compat::Diffusers)?;

    let request = Request {
        width: defaults.width.unwrap_or(128),
        height: defaults.height.unwrap_or(96),
        frames: defaults.frames.unwrap_or(4) as usize,
        steps: defaults.steps.unwrap_or(4) as usize,
        guidance: defaults.cfg_scale.unwrap_or(9.0).into(),
        target_fps: defaults.target_fps.unwrap_or(16) as f32,
        seeds: vec![7],
        ..Request::new(Picture::open(Path::new(picture))?.picture, prompt.as_str())
    };
    // Sees every step; `Break` cancels, and `latents()` reads the latents for a preview.
    let mut observer = |event: Event<'_>| {
        if let Event::Step { done, of, .. } = event {
            eprintln!("step {done} of {of}");
        }
        ControlFlow::Continue(())
    };
    for output in engine.generate(&request, &mut observer)? {
        let clip = Clip {
            width: request.width,
            height: request.height,
            fps: defaults.fps.unwrap_or(8) as f32,
            frames: output.frames,
        };
        let parameters = serde_json::json!({ "prompt": request.prompt, "seed": output.seed });
        println!("{}", video::write(&target, &clip, None, &parameters)?[0].display());
    }
    Ok(())
}
