//! `i2vgen metrics`: what a clip is like, in numbers.

// Each test program uses a part of it.
#[allow(dead_code)]
mod program;

use std::{ops::ControlFlow, path::Path};

use i2vgen::{
    checkpoint::{Checkpoint, ModelFiles},
    gpu::{self, Device, Disable},
    lab::ReferenceCase,
    picture::{Picture, cover_crop},
    pipeline::{Compat, DtypeChoice, Engine, Event},
};

/// The embedding is the one that transformers' CLIPVisionModelWithProjection gave for the recorded case.
#[test]
fn embeddings_are_those_of_the_reference() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/demo");
    let case = ReferenceCase::open(&folder).unwrap();
    let expected = &case.tensor("image.clip_embeds").unwrap().values;
    let adapter = gpu::choose(std::env::var("I2VGEN_DEVICE").ok().filter(|name| !name.is_empty()).as_deref()).unwrap();
    let device = Device::open(&adapter, Disable::default()).unwrap();
    let checkpoint = Checkpoint::open(ModelFiles::Demo).unwrap();
    let engine = Engine::new(device, checkpoint, DtypeChoice::F32, Compat::Diffusers).unwrap();
    // The clip of the case is 64 pixels wide and square: what is embedded is what it shows.
    let picture = cover_crop(&Picture::open(&folder.join("input.png")).unwrap().picture, 64, 64).unwrap();
    let mut seen = 0;
    let mut observer = |event: Event<'_>| {
        seen += usize::from(matches!(event, Event::Frame { .. }));
        ControlFlow::Continue(())
    };
    let found = engine.embed(&[picture.clone(), picture], &mut observer).unwrap();
    assert_eq!((found.len(), seen), (2, 2));
    assert!(found[0] == found[1], "the same picture, the same embedding");
    let rms = (expected.iter().map(|v| v * v).sum::<f32>() / expected.len() as f32).sqrt();
    let worst = found[0].iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
    assert!(found[0].len() == expected.len() && worst < 1e-4 * rms, "{worst} of {rms}");
    assert!((i2vgen::metrics::cosine(&found[0], expected) - 1.0).abs() < 1e-6);
}
