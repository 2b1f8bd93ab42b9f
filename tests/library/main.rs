//! What the library does without the program around it.

mod made;
mod noise;
mod parity;
mod prepare;
mod prepare_stages;
mod prompts;
mod skip;
mod splitting;
