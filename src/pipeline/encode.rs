//! Text, image and VAE encoders: what a clip is conditioned on.

use std::sync::Arc;

use super::{Draw, Error, Event, Noise, Observer, Phase, Plans, model_weights::ModelWeights, progress::tell};
use crate::{
    checkpoint::ComponentKind,
    gpu::{Buffer, Device},
    graph::{Bindings, Plan, Program, Residence, WeightStore},
    picture::Prepared,
};

/// Token ids of the rows of a request: the prompt's, and with guidance the negative prompt's.
#[derive(Clone, Debug)]
pub struct Text {
    /// Ids of the prompt.
    pub prompt: Vec<u32>,
    /// Ids of the negative prompt, with guidance.
    pub negative: Option<Vec<u32>>,
}

/// What a clip is conditioned on, on the device, in the storage type of activations unless said otherwise.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Text encoder's output of the prompt, `[1, T, X]`.
    pub prompt: Buffer,
    /// And of the negative prompt.
    pub negative: Option<Buffer>,
    /// Projected class token of the picture, `[1, X]`.
    pub clip: Buffer,
    /// Moments of the VAE's posterior, `[h, w, 8]` f32.
    pub moments: Buffer,
    /// For each clip: the draw from the posterior, unscaled and scaled, `[h·w, 4]` f32.
    pub latents: Vec<[Buffer; 2]>,
}

/// Runs the encoders, one after the other: the weights of each are released before the next is loaded, unless they stay for the next clip.
pub struct Encoder<'a> {
    pub(super) device: &'a Device,
    pub(super) weights: &'a ModelWeights,
    pub(super) plans: &'a Plans,
}

impl Encoder<'_> {
    /// Encodes prompts and picture; draws from the posterior once for each noise.
    pub fn run(
        &self,
        text: &Text,
        picture: &Prepared,
        noise: &mut [Noise],
        observer: &mut dyn Observer,
    ) -> Result<Encoded, Error> {
        let phase = |phase| Event::Phase { phase, clip: 0, clips: noise.len() };
        tell(observer, phase(Phase::Text))?;
        let (prompt, negative) = self.text(text)?;
        tell(observer, phase(Phase::Image))?;
        let clip = self.image(&picture.clip_pixels)?;
        tell(observer, phase(Phase::Encode))?;
        let (moments, latents) = self.vae(&picture.vae_pixels, noise)?;
        Ok(Encoded { prompt, negative, clip, moments, latents })
    }

    fn weights(&self, kind: ComponentKind, plan: &Plan, residence: &Residence) -> Result<Arc<WeightStore>, Error> {
        self.weights.load(kind, &[plan], residence)
    }

    fn text(&self, text: &Text) -> Result<(Buffer, Option<Buffer>), Error> {
        let plan = &self.plans.text;
        let weights = self.weights(ComponentKind::TextEncoder, plan, &self.plans.residences.text)?;
        let ids = self.device.buffer("token ids", (text.prompt.len() * 4) as u64)?;
        let mut bindings = Bindings::from([("ids".to_owned(), ids.clone())]);
        let program = Program::new(self.device, plan, &weights, &mut bindings)?;
        let encode = |row: &[u32]| {
            self.device.write(&ids, 0, bytemuck::cast_slice(row));
            program.run()?;
            let result = self.device.buffer("text embeddings", bindings["text_embeds"].bytes())?;
            self.device.copy(&bindings["text_embeds"], 0, &result, 0, result.bytes());
            Ok::<_, Error>(result)
        };
        Ok((encode(&text.prompt)?, text.negative.as_deref().map(encode).transpose()?))
    }

    fn image(&self, pixels: &[f32]) -> Result<Buffer, Error> {
        let plan = &self.plans.image;
        let weights = self.weights(ComponentKind::ImageEncoder, plan, &self.plans.residences.image)?;
        let input = self.upload("clip_pixels", pixels)?;
        let mut bindings = Bindings::from([("clip_pixels".to_owned(), input)]);
        Program::new(self.device, plan, &weights, &mut bindings)?.run()?;
        Ok(bindings["image_embeds"].clone())
    }

    fn vae(&self, pixels: &[f32], noise: &mut [Noise]) -> Result<(Buffer, Vec<[Buffer; 2]>), Error> {
        let plan = &self.plans.encode;
        let weights = self.weights(ComponentKind::Vae, plan, &self.plans.residences.encode)?;
        let shape = &self.plans.shape;
        let elements = shape.pixels() * shape.channels;
        let mut bindings = Bindings::from([("vae_pixels".to_owned(), self.upload("vae_pixels", pixels)?)]);
        Noise::bind(self.device, &mut bindings, "noise.vae", elements, shape.drawn)?;
        let program = Program::new(self.device, plan, &weights, &mut bindings)?;
        let mut latents = Vec::new();
        for noise in noise {
            noise.fill(self.device, &bindings, "noise.vae", elements, Draw::Vae)?;
            program.run()?;
            let mut both = Vec::new();
            for name in ["vae_sample", "image_latent"] {
                let copy = self.device.buffer(name, bindings[name].bytes())?;
                self.device.copy(&bindings[name], 0, &copy, 0, copy.bytes());
                both.push(copy);
            }
            if let Ok(pair) = <[Buffer; 2]>::try_from(both) {
                latents.push(pair);
            }
        }
        Ok((bindings["moments"].clone(), latents))
    }

    fn upload(&self, what: &str, values: &[f32]) -> Result<Buffer, Error> {
        let buffer = self.device.buffer(what, (values.len() * 4) as u64)?;
        self.device.write(&buffer, 0, bytemuck::cast_slice(values));
        Ok(buffer)
    }
}
