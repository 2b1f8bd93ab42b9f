//! The networks of a checkpoint, and their weights.

use std::ops::Deref;

use super::Compat;
use crate::{
    checkpoint::{self, Checkpoint, Component, ComponentKind, Configs, Expected, Problem},
    graph::{Params, WeightFormat, WeightSource, WeightView},
    kernel::Dtype,
    model::{ClipText, ClipVision, UNet, VaeDecoder, VaeEncoder},
};

/// All networks, built from the configs alone, with the parameters that they expect.
#[derive(Clone, Debug)]
pub struct Networks {
    /// Text encoder.
    pub text: ClipText,
    /// Image encoder.
    pub image: ClipVision,
    /// VAE encoder.
    pub vae_encoder: VaeEncoder,
    /// VAE decoder.
    pub vae_decoder: VaeDecoder,
    /// UNet.
    pub unet: UNet,
    expected: [(ComponentKind, Params); 4],
}

impl Networks {
    /// Builds all networks.
    pub fn new(configs: &Configs, compat: Compat) -> Self {
        let params = || Params::new();
        let (text, image, vae, unet) = (params(), params(), params(), params());
        let scale = compat.vae_scale(configs);
        Self {
            text: ClipText::new(&configs.text_encoder, &text),
            image: ClipVision::new(&configs.image_encoder, &image),
            vae_encoder: VaeEncoder::new(&configs.vae, scale, &vae),
            vae_decoder: VaeDecoder::new(&configs.vae, scale, &vae),
            unet: UNet::new(&configs.unet, &unet),
            expected: [
                (ComponentKind::TextEncoder, text),
                (ComponentKind::ImageEncoder, image),
                (ComponentKind::Vae, vae),
                (ComponentKind::UNet, unet),
            ],
        }
    }

    /// The tensors that a component must have.
    pub fn expected(&self, kind: ComponentKind) -> Vec<Expected> {
        let params = self.expected.iter().find(|(k, _)| *k == kind).map(|(_, p)| p.declared()).unwrap_or_default();
        params.iter().map(|p| Expected::new(&*p.path, p.shape.clone())).collect()
    }

    /// Everything that does not fit between the configs and the weight files.
    pub fn problems(&self, checkpoint: &Checkpoint) -> Vec<Problem> {
        ComponentKind::ALL.iter().flat_map(|&kind| checkpoint.component(kind).check(&self.expected(kind))).collect()
    }
}

/// How a component's matrices are stored on the device: f16 when activations are, or when the file is f16 (then nothing is lost).
pub fn weight_dtype(component: &Component, activation: Dtype) -> Dtype {
    let all_f16 = component.inventory().dtypes.keys().all(|name| name.eq_ignore_ascii_case("f16"));
    if activation == Dtype::F16 || all_f16 { Dtype::F16 } else { Dtype::F32 }
}

/// A component's tensors as the graph wants them, by reference or shared.
pub struct Source<C>(pub C);

impl<C: Deref<Target = Component> + Sync> WeightSource for Source<C> {
    fn weight(&self, path: &str, _: &[usize]) -> Option<WeightView<'_>> {
        let tensor = self.0.tensor(path)?;
        let format = match tensor.dtype {
            checkpoint::Dtype::F32 => WeightFormat::F32,
            checkpoint::Dtype::F16 => WeightFormat::F16,
            checkpoint::Dtype::BF16 => WeightFormat::Bf16,
        };
        Some(WeightView { format, shape: tensor.shape, bytes: tensor.bytes.into() })
    }
}
