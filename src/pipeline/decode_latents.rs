//! Latents that were kept, to frames: the last phase of a generation alone.

use super::{
    DecodePlans, Decoder, Engine, Error, Event, MemoryUse, Observer, Phase, Request, VaeTile,
    engine::from_torch,
    fitting::Fitting,
    progress::tell,
    request::{MAX_FRAMES, MAX_SIDE},
};
use crate::checkpoint::ComponentKind;

/// A clip that was decoded.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Its width in pixels.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// 8-bit RGB frames, `[H, W, 3]` each.
    pub frames: Vec<Vec<u8>>,
    /// The device's memory meanwhile.
    pub memory: MemoryUse,
}

impl Engine {
    /// Plans to decode latents of this shape, `[1, C, F, h, w]`, with frames decoded whole or in strips as `tile` says.
    ///
    /// # Errors
    /// [`Error::Latents`] for a shape that the checkpoint's VAE does not have, [`Error::TooLarge`] for one that the device does not hold.
    pub fn latents_plans(
        &self,
        [_, channels, frames, height, width]: [usize; 5],
        tile: VaeTile,
    ) -> Result<DecodePlans, Error> {
        let (vae, root) = (&self.checkpoint().configs().vae, self.checkpoint().files().root());
        let refuse = |reason: String| Err(Error::Latents(reason));
        if channels != vae.latent_channels {
            let own = vae.latent_channels;
            return refuse(format!(
                "have {channels} channels, and the VAE of {} has {own}: name the model that they were made with (--model)",
                root.display()
            ));
        }
        let size = [width, height].map(|side| side.saturating_mul(vae.spatial_factor()));
        if size[0].max(size[1]) > MAX_SIDE as usize || frames > MAX_FRAMES {
            return refuse(format!(
                "are of {frames} frames of {}x{} pixels: at most {MAX_FRAMES} of {MAX_SIDE}x{MAX_SIDE} can be decoded",
                size[0], size[1]
            ));
        }
        let request =
            Request { width: size[0] as u32, height: size[1] as u32, frames, vae_tile: tile, ..Request::plain() };
        self.planner().decode_plans(&request)
    }

    /// Decodes latents `(1, C, F, h, w)` in torch's order with plans of [`Engine::latents_plans`]. The frames are those of the generation
    /// that left the latents.
    ///
    /// # Errors
    /// [`Error::Latents`] if there are more or fewer values than the plans' shape has, [`Error::Cancelled`], and what the device refuses.
    pub fn decode_latents(
        &self,
        plans: &DecodePlans,
        latents: &[f32],
        observer: &mut dyn Observer,
    ) -> Result<Decoded, Error> {
        let s = &plans.shape;
        if latents.len() != s.elements() {
            return Err(Error::Latents(format!("are {} values, their shape has {}", latents.len(), s.elements())));
        }
        // The plans have the device for themselves.
        self.release_weights();
        self.device().reset_peak();
        let weights = self.weights.load(ComponentKind::Vae, &plans.all(), &plans.residence)?;
        let decoder = Decoder::new(self.device(), plans, &weights)?;
        tell(observer, Event::Phase { phase: Phase::Decode, clip: 0, clips: 1 })?;
        let frames = decoder.run_values(&from_torch(latents, s), observer)?;
        let frames = frames.into_iter().map(|frame| frame.rgb8).collect();
        let memory = MemoryUse { planned: plans.peak_bytes(), counted: self.device().memory()[1], streaming: None };
        Ok(Decoded { width: s.size[0] as u32, height: s.size[1] as u32, frames, memory })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checkpoint::Configs,
        pipeline::{Shape, to_torch},
    };

    #[test]
    fn torchs_order_and_back() {
        let request = Request { width: 24, height: 16, frames: 3, ..Request::plain() };
        let shape = Shape::new(&Configs::published(), &request);
        let values: Vec<f32> = (0..shape.elements()).map(|i| i as f32).collect();
        let torch = to_torch(&values, &shape);
        assert_eq!(from_torch(&torch, &shape), values);
        // Channel by channel there, value by value here.
        assert_eq!((torch[1], from_torch(&values, &shape)[1]), (4.0, 18.0));
    }
}
