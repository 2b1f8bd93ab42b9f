//! Recording what happens between the networks: posterior, image latents, a sampler's step, pixels, noise.

use std::sync::Arc;

use super::{Error, Graph, Tensor, record::Input};
use crate::kernel::{self, AnchorMode, Dtype};

/// The input of the key from which the normals `name` are drawn: see [`Graph::normals`].
pub fn key_of(name: &str) -> String {
    format!("{name}.key")
}

impl Graph {
    /// A draw from the VAE's posterior: moments `[h, w, 2C]`, noise in torch's order `[C, h, w]` → sample and `sample · scale`, both
    /// `[h, w, C]` f32.
    pub fn posterior(&mut self, moments: &Tensor, noise: &Tensor, scale: f32) -> Result<[Tensor; 2], Error> {
        let channels = moments.channels() / 2;
        let op = kernel::Posterior { pixels: moments.rows(), channels, scale };
        let mut outputs = self.record("posterior", Arc::new(op), &[moments.into(), noise.into()])?;
        Ok([outputs.swap_remove(0), outputs.swap_remove(0)])
    }

    /// The image latents of a clip: frame 0 is the picture's latent `[P, C]`, frame i the constant i / (frames - 1): `[F, P, C]`.
    pub fn image_latents(&mut self, latent: &Tensor, frames: usize) -> Result<Tensor, Error> {
        let op = kernel::ImageLatents {
            frames,
            pixels: latent.rows(),
            channels: latent.channels(),
            y: self.types().activation,
        };
        let shape = [frames, latent.rows(), latent.channels()];
        Ok(Self::one(self.record("image_latents", Arc::new(op), &[latent.into()])?, &shape))
    }

    /// One DDIM step with classifier-free guidance. All tensors `[F, P, C]` f32, the noise in torch's order `[F, C, P]`; `step` `[16 + F]`
    /// holds the coefficients and one guidance scale per frame. Returns the guided prediction, the clean estimate and the next sample.
    pub fn ddim(
        &mut self,
        cond: &Tensor,
        uncond: Option<&Tensor>,
        sample: &Tensor,
        noise: Option<&Tensor>,
        step: &Tensor,
    ) -> Result<[Tensor; 3], Error> {
        let s = sample.shape();
        let op = kernel::Ddim {
            frames: s[0],
            pixels: s[1],
            channels: s[2],
            uncond: uncond.is_some(),
            noise: noise.is_some(),
        };
        let inputs = [cond.into(), uncond.map(Input::Tensor), sample.into(), noise.map(Input::Tensor), step.into()];
        let outputs = self.record("ddim", Arc::new(op), &inputs)?;
        let [model, x0, next] = <[Tensor; 3]>::try_from(outputs).map_err(|_| Error::Unbound("ddim".into()))?;
        Ok([model, x0, next])
    }

    /// The second-order part of a step: `next` as [`Graph::ddim`] gives it, moved along the change of the clean estimate from `before` to
    /// `x0`; all `[F, P, C]` f32, `step` as there: see [`kernel::Multistep`].
    pub fn multistep(&mut self, next: &Tensor, x0: &Tensor, before: &Tensor, step: &Tensor) -> Result<Tensor, Error> {
        let s = x0.shape();
        let op = kernel::Multistep { frames: s[0], pixels: s[1], channels: s[2] };
        let inputs = [next.into(), x0.into(), before.into(), step.into()];
        Ok(Self::one(self.record("multistep", Arc::new(op), &inputs)?, s))
    }

    /// Pulls the clean estimate `x0` `[F, h, w, C]` of a step towards the picture's latent `image` `[P, C]`, and the next sample with it;
    /// `step` `[1 + F]` holds the gain and one weight per frame. Returns both, anchored: see [`kernel::Anchor`].
    pub fn anchor(
        &mut self,
        mode: AnchorMode,
        [height, width]: [usize; 2],
        [x0, next]: [&Tensor; 2],
        image: &Tensor,
        step: &Tensor,
    ) -> Result<[Tensor; 2], Error> {
        let s = x0.shape();
        let (frames, channels) = (s[0], s[2]);
        let statistics = match mode {
            AnchorMode::Adain => Some([self.channel_statistics(x0, frames)?, self.channel_statistics(image, 1)?]),
            _ => None,
        };
        let [of_x0, of_image] = [0, 1].map(|i| statistics.as_ref().map(|s| Input::Tensor(&s[i])));
        let op = kernel::Anchor { frames, height, width, channels, mode };
        let inputs = [x0.into(), next.into(), image.into(), step.into(), of_x0, of_image];
        let outputs = self.record("anchor", Arc::new(op), &inputs)?;
        <[Tensor; 2]>::try_from(outputs).map_err(|_| Error::Unbound("anchor".into()))
    }

    fn channel_statistics(&mut self, x: &Tensor, frames: usize) -> Result<Tensor, Error> {
        let channels = x.channels();
        let pixels = x.elements() / (frames * channels).max(1);
        let op = kernel::ChannelStatistics { frames, pixels, channels };
        Ok(Self::one(self.record("channel_statistics", Arc::new(op), &[x.into()])?, &[frames, 2, channels]))
    }

    /// Noise in torch's order `[C, F, P]` as latents `[F, P, C]`.
    pub fn to_latents(&mut self, noise: &Tensor, frames: usize, pixels: usize) -> Result<Tensor, Error> {
        let channels = noise.elements() / (frames * pixels).max(1);
        let op = kernel::ToLatents { frames, pixels, channels };
        Ok(Self::one(self.record("to_latents", Arc::new(op), &[noise.into()])?, &[frames, pixels, channels]))
    }

    /// Standard normals of `shape`: the input `name`, which the host fills, or `drawn` on the device from its key ([`key_of`]), as
    /// [`Graph::philox`] does.
    pub fn normals(&mut self, name: &str, shape: &[usize], drawn: bool) -> Result<Tensor, Error> {
        if drawn {
            let key = self.input(key_of(name), &[4], Dtype::U32);
            self.philox(&key, shape)
        } else {
            Ok(self.input(name, shape, Dtype::F32))
        }
    }

    /// Standard normals generated on the device from `key` `[4]` (seed low, seed high, stream, 0).
    pub fn philox(&mut self, key: &Tensor, shape: &[usize]) -> Result<Tensor, Error> {
        let op = kernel::Philox { elements: shape.iter().product() };
        Ok(Self::one(self.record("philox", Arc::new(op), &[key.into()])?, shape))
    }

    /// Pixels in [-1, 1] `[P, 3]` as packed 8-bit values, four to a word.
    pub fn rgb8(&mut self, x: &Tensor) -> Result<Tensor, Error> {
        let op = kernel::Rgb8 { pixels: x.rows(), channels: x.channels(), x: x.dtype() };
        let words = x.elements().div_ceil(4);
        let outputs = self.record("rgb8", Arc::new(op), &[x.into()])?;
        let tensor = Self::one(outputs, &[words]);
        debug_assert_eq!(tensor.dtype(), Dtype::U32);
        Ok(tensor)
    }
}
