//! `i2vgen kernels`: the lab for shaders.

mod bench;
mod check;
mod child;
mod emit;
mod list;
mod race;
mod report;
mod shapes;
mod tune;
mod watch;

use clap::{Args, Subcommand};

use super::Error;

/// Look at kernels: list them, check them against their CPU twins, time and race them, search their fastest settings, see what backends make of them; also your own WGSL
#[derive(Args)]
pub struct Kernels {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::List),
    Check(check::Check),
    Bench(bench::Bench),
    Race(race::Race),
    Emit(Box<emit::Emit>),
    Tune(Box<tune::Tune>),
    #[command(hide = true)]
    Child(child::Child),
}

impl Kernels {
    pub fn run(self) -> Result<(), Error> {
        match self.command {
            Command::List(command) => command.run(),
            Command::Check(command) => command.run(),
            Command::Bench(command) => command.run(),
            Command::Race(command) => command.run(),
            Command::Emit(command) => command.run(),
            Command::Tune(command) => command.run(),
            Command::Child(command) => command.run(),
        }
    }
}
