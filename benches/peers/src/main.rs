//! i2vgen's kernels beside burn's wgpu backend, on one adapter, in one process.
//!
//! `cargo run --release` here, or with `--manifest-path benches/peers/Cargo.toml` from the repository. It is a workspace of its own, because
//! burn is many times what i2vgen needs to be built.
//!
//! At each shape both are warmed up first, which compiles and, of burn, tries out what is fastest. Then they compute in turn, in another order
//! in every round, timed by wall clock from the first submission until the first row of the result is back on the host. Every round has
//! inputs of its own, and all of every result is read back and compared, some of it with loops in f64: who did not compute what was asked
//! ends the run. Ratios are those of the rounds: median, lowest and highest.
//!
//! What is compared is the operation alone, without bias. Weights are laid out before, and convolutions get images and weights with the
//! channels innermost from both. On a CPU driver the matrix product of the crate `gemm` takes part as well: what the CPU can do by itself.

mod burn;
mod contest;
mod native;
mod numbers;
mod ours;
mod problem;
mod reference;
mod report;

use std::{process::ExitCode, sync::Arc, thread};

use clap::Parser;
use i2vgen::{
    gpu::{self, Disable},
    graph::{Rate, Target},
    kernel::Dtype,
    lab,
};
use serde_json::json;

use crate::{
    burn::Burn,
    contest::{Contestant, Rules, contest},
    native::Native,
    ours::Ours,
    problem::{Kind, Problem, problems},
    report::Outcome,
};

/// Whatever went wrong, in one line.
type Error = Box<dyn std::error::Error>;

/// i2vgen's kernels beside burn's, on the same adapter
#[derive(Debug, Parser)]
struct Options {
    /// Rounds that count at each shape
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// Only this kind of operation; may be repeated
    #[arg(long, value_name = "KIND")]
    only: Vec<Kind>,
    /// One small shape of each kind and at most three rounds
    #[arg(long)]
    quick: bool,
    /// Print all times as JSON
    #[arg(long)]
    json: bool,
    /// Run this in place of i2vgen's own choice; may be repeated
    #[arg(long = "override", value_name = "KERNEL=VARIANT|FILE")]
    overrides: Vec<String>,
    /// The adapter: its number or a part of its name
    #[arg(long)]
    device: Option<String>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Error> {
    let adapter = gpu::choose(options.device.as_deref())?;
    let device = gpu::Device::open(&adapter, Disable::default())?;
    let peer = burn::open(&adapter)?;
    let capabilities = device.capabilities();
    let target = Target {
        choices: Arc::new(lab::overrides(&options.overrides)?),
        ..Target::new(capabilities.clone(), Rate::default())
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let versions = ["i2vgen", "burn-tensor", "cubecl", "wgpu", "gemm"].map(|name| (name, version(name)));
    if !options.json {
        println!("{} ({}, {})", capabilities.name, capabilities.backend, capabilities.driver);
        println!("{}; {threads} CPU threads\n", versions.map(|(name, version)| format!("{name} {version}")).join(", "));
    }

    let rounds = if options.quick { options.rounds.min(3) } else { options.rounds };
    let rules = Rules { rounds: rounds.into(), sample: if options.quick { 0.05 } else { 0.2 } };
    let wanted = |problem: &Problem| options.only.is_empty() || options.only.contains(&problem.kind());
    let mut outcomes = Vec::new();
    for problem in problems(options.quick).into_iter().filter(wanted) {
        eprintln!("{problem}");
        let others = contest::others(&problem);
        let ours = Ours::new(&device, &target, &problem, &others, Dtype::F32)?;
        let variant = ours.variant();
        let mut contestants: Vec<Box<dyn Contestant>> = vec![Box::new(ours)];
        contestants.push(Box::new(Burn::new(&peer, &problem, &others)));
        if capabilities.f16 {
            contestants.push(Box::new(Ours::new(&device, &target, &problem, &others, Dtype::F16)?));
        }
        if let Some(native) = Native::new(&problem, &others, threads).filter(|_| capabilities.is_cpu()) {
            contestants.push(Box::new(native));
        }
        let times = contest(&problem, &others, &mut contestants, rules)?;
        outcomes.push(Outcome { problem, variant, times });
    }
    if options.json {
        let mut report = report::json(&outcomes);
        report["device"] = json!([capabilities.name, capabilities.backend, capabilities.driver]);
        report["versions"] = versions.into_iter().map(|(name, version)| (name.to_owned(), json!(version))).collect();
        report["threads"] = json!(threads);
        report["rounds"] = json!(rules.rounds);
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report::text(&outcomes));
    }
    Ok(())
}

/// The version of a package that this was built with.
fn version(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n")));
    let version = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
    version.map_or("?", |version| version.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock() {
        assert!(version("burn-tensor").starts_with("0.22"));
        assert!(version("wgpu").starts_with("30."));
        assert_eq!(version("no such package"), "?");
    }

    #[test]
    fn every_kind_has_a_shape() {
        for quick in [true, false] {
            for kind in [Kind::Matmul, Kind::Conv2d, Kind::Conv3d, Kind::Attention] {
                assert!(problems(quick).iter().any(|problem| problem.kind() == kind));
            }
        }
    }
}
