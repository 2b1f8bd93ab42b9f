//! The command line: one file per subcommand, nothing but flags, calls and text.

mod advise;
mod assume;
mod batch;
mod choosing;
mod clip_file;
mod decode;
mod devices;
mod error;
mod expected;
mod generate;
mod inspect;
mod kernels;
mod machine;
mod memory;
mod metrics;
mod model;
mod options;
mod output;
mod plan;
mod prepare;
mod presets;
mod profile;
mod progress;
mod prompt;
mod random;
mod roofline;
mod source;
mod sweep;
mod trace;
mod units;
mod verify;

use std::{process::ExitCode, sync::LazyLock};

use clap::{Parser, Subcommand, error::ErrorKind};

use error::Error;

/// One picture and one sentence become a video: I2VGen-XL on any GPU.
#[derive(Parser)]
#[command(name = "i2vgen", version, long_version = LONG_VERSION.as_str())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Generate(Box<generate::Generate>),
    Batch(Box<batch::Batch>),
    Decode(Box<decode::Decode>),
    Advise(Box<advise::Advise>),
    Sweep(Box<sweep::Sweep>),
    Metrics(Box<metrics::Metrics>),
    Prepare(Box<prepare::Prepare>),
    Prompt(prompt::Prompt),
    Presets(presets::Presets),
    Inspect(inspect::Inspect),
    Devices(devices::Devices),
    Kernels(Box<kernels::Kernels>),
    Plan(Box<plan::Plan>),
    Profile(Box<profile::ProfileCommand>),
    Verify(verify::Verify),
    TraceTensors(Box<trace::TraceTensors>),
    RandomCheckpoint(random::RandomCheckpoint),
    Roofline(roofline::RooflineCommand),
}

impl Command {
    fn run(self) -> Result<(), Error> {
        match self {
            Self::Generate(command) => command.run(),
            Self::Batch(command) => command.run(),
            Self::Decode(command) => command.run(),
            Self::Advise(command) => command.run(),
            Self::Sweep(command) => command.run(),
            Self::Metrics(command) => command.run(),
            Self::Prepare(command) => command.run(),
            Self::Prompt(command) => command.run(),
            Self::Presets(command) => command.run(),
            Self::Inspect(command) => command.run(),
            Self::Devices(command) => command.run(),
            Self::Kernels(command) => command.run(),
            Self::Plan(command) => command.run(),
            Self::Profile(command) => command.run(),
            Self::Verify(command) => command.run(),
            Self::TraceTensors(command) => command.run(),
            Self::RandomCheckpoint(command) => command.run(),
            Self::Roofline(command) => command.run(),
        }
    }
}

/// The version with the graphics interfaces that this build can use.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let backends = wgpu::Instance::enabled_backend_features();
    let names: Vec<String> = backends.iter_names().map(|(name, _)| name.to_lowercase()).collect();
    format!("{}\nwgpu backends: {}", env!("CARGO_PKG_VERSION"), names.join(", "))
});

/// Runs the program: exit code 0 if all went well, 1 for an error, 2 for a wrong command line, 130 after Ctrl-C.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match cli.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(text) = error.text() {
                output::tell(&format!("error: {text}"));
            }
            error.exit_code()
        }
    }
}

/// Help and version as clap prints them; what is wrong with a command line in one line.
fn usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
        }
        _ => output::tell(&one_line(&error.render().to_string())),
    }
    ExitCode::from(2)
}

/// The message and the tips of clap's text, without its usage lines.
fn one_line(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
    let told = paragraphs.filter(|p| !p.is_empty() && !p.starts_with("Usage:") && !p.starts_with("For more"));
    told.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_wrong_command_line_is_told_in_one_line() {
        for (arguments, word) in [
            (&["i2vgen", "generate", "--frame", "3"][..], "--frames"),
            (&["i2vgen", "generate", "a.png", "-i", "b.png"], "cannot be used with"),
            (&["i2vgen", "generate", "-s", "-1"], "whole number"),
            (&["i2vgen", "generate", "--dtype", "f64"], "`f32`"),
            (&["i2vgen", "generate", "--width", "wide"], "--width"),
            (&["i2vgen", "generate", "--count", "0"], "--count"),
            (&["i2vgen", "random-checkpoint"], "<DIR>"),
        ] {
            let line = one_line(&Cli::try_parse_from(arguments).err().unwrap().render().to_string());
            assert!(line.starts_with("error: ") && line.contains(word) && !line.contains('\n'), "{line}");
        }
    }
}
