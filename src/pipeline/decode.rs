//! Latents to frames, one frame at a time.

use super::{DecodePlans, Error, Event, Observer, frame::Frame, progress::tell, strip_decode::StripDecoder};
use crate::{
    gpu::{Buffer, Device},
    graph::{Bindings, Program, WeightStore},
};

/// The VAE decoder, ready for frames of one size.
pub struct Decoder<'a> {
    device: &'a Device,
    plans: &'a DecodePlans,
    bindings: Bindings,
    programs: Programs,
}

enum Programs {
    Whole(Program),
    Strips(StripDecoder),
}

impl<'a> Decoder<'a> {
    /// Compiles and binds; `weights` are the VAE's.
    pub fn new(device: &'a Device, plans: &'a DecodePlans, weights: &WeightStore) -> Result<Self, Error> {
        let s = &plans.shape;
        let latents = device.buffer("one frame's latents", (s.pixels() * s.channels * 4) as u64)?;
        let mut bindings = Bindings::from([("frame_latents".to_owned(), latents)]);
        let plan = &plans.plan;
        let programs = match &plans.strips {
            None => Programs::Whole(Program::new(device, plan, weights, &mut bindings)?),
            Some(strips) => Programs::Strips(StripDecoder::new(device, plan, strips, weights, &mut bindings)?),
        };
        Ok(Self { device, plans, bindings, programs })
    }

    /// Decodes all frames of `latents` `[F, h, w, 4]` f32.
    pub fn run(&self, latents: &Buffer, with_pixels: bool, observer: &mut dyn Observer) -> Result<Vec<Frame>, Error> {
        let s = &self.plans.shape;
        let bytes = (s.pixels() * s.channels * 4) as u64;
        let mut frames = Vec::new();
        for i in 0..s.frames {
            self.device.copy(latents, i as u64 * bytes, &self.bindings["frame_latents"], 0, bytes);
            frames.push(self.frame(with_pixels)?);
            tell(observer, Event::Frame { done: i + 1, of: s.frames })?;
        }
        Ok(frames)
    }

    /// The same with latents that the host has: a frame's go to the device when it is decoded, so that no buffer holds all of them.
    pub(super) fn run_values(&self, latents: &[f32], observer: &mut dyn Observer) -> Result<Vec<Frame>, Error> {
        let s = &self.plans.shape;
        let mut frames = Vec::new();
        for (i, latents) in latents.chunks_exact((s.pixels() * s.channels).max(1)).enumerate() {
            self.device.write(&self.bindings["frame_latents"], 0, bytemuck::cast_slice(latents));
            frames.push(self.frame(false)?);
            tell(observer, Event::Frame { done: i + 1, of: s.frames })?;
        }
        Ok(frames)
    }

    /// Decodes the frame whose latents are bound.
    fn frame(&self, with_pixels: bool) -> Result<Frame, Error> {
        let s = &self.plans.shape;
        let program = match (&self.programs, &self.plans.strips) {
            (Programs::Whole(program), _) => program,
            (Programs::Strips(decoder), Some(strips)) => return decoder.frame(self.device, s, strips, with_pixels),
            (Programs::Strips(_), None) => return Err(crate::graph::Error::Unbound("strips".into()).into()),
        };
        let samples = 3 * s.size[0] * s.size[1];
        program.run()?;
        let rgb8 = self.device.read(&self.bindings["rgb8"], 0, samples as u64)?;
        let pixels = if with_pixels {
            Some(bytemuck::pod_collect_to_vec(&self.device.read(&self.bindings["pixels"], 0, (samples * 4) as u64)?))
        } else {
            None
        };
        Ok(Frame { rgb8, pixels })
    }
}
