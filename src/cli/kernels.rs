//! `i2vgen kernels`: the instrument for whoever writes shaders.

mod emit;
mod which;

use clap::{Args, Subcommand};

use super::Error;

/// Look at the kernels, and try your own
#[derive(Args)]
pub struct Kernels {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Emit(Box<emit::Emit>),
}

impl Kernels {
    pub fn run(self) -> Result<(), Error> {
        match self.command {
            Command::Emit(command) => command.run(),
        }
    }
}
