//! Verification: the clip of a reference case, stage by stage, against the reference implementation's numbers.
//!
//! Every stage is followed along the chain; the denoising steps are evaluated a second time *teacher-forced*, each from the
//! reference's own latents, so that an early rounding difference is not counted again in every later step.

mod case;
mod compare;
mod run;
mod stages;
mod tolerance;

pub use case::{Case as ReferenceCase, Error};
pub use compare::Stage;
pub use run::verify;
pub use stages::Verification;
