//! The components that have weights.

use std::fmt;

/// The four components of the pipeline that have weights. Displayed as the name of their folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ComponentKind {
    /// CLIP's text model.
    TextEncoder,
    /// CLIP's vision model.
    ImageEncoder,
    /// Between pixels and latents.
    Vae,
    /// The denoiser.
    UNet,
}

impl ComponentKind {
    /// All of them, in the order in which a generation first needs them.
    pub const ALL: [Self; 4] = [Self::TextEncoder, Self::ImageEncoder, Self::Vae, Self::UNet];

    /// Its folder in the checkpoint.
    pub fn folder(self) -> &'static str {
        match self {
            Self::TextEncoder => "text_encoder",
            Self::ImageEncoder => "image_encoder",
            Self::Vae => "vae",
            Self::UNet => "unet",
        }
    }

    /// What its weight files are called before the first dot: diffusers and transformers have a name each.
    pub(super) fn stem(self) -> &'static str {
        match self {
            Self::TextEncoder | Self::ImageEncoder => "model",
            Self::Vae | Self::UNet => "diffusion_pytorch_model",
        }
    }
}

impl fmt::Display for ComponentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder())
    }
}
