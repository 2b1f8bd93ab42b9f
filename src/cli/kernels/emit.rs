//! `i2vgen kernels emit`: the text of a kernel, what the backends get of it, and what can be counted in it.

mod all;
mod facts;
mod report;
mod variant;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use i2vgen::{
    lab::{
        Candidate,
        emit::{Backend, Guards},
    },
    staged,
};

use super::shapes::{ShapeOptions, Usual};
use crate::cli::{Error, assume, options::DeviceOptions, output, units};
use report::Emitted;

/// Print the WGSL of a kernel after specialisation, what SPIR-V, HLSL, MSL and GLSL become of it, and static facts
///
/// The WGSL can be changed and given back: to `kernels check`, `bench` and `race`, to `generate --override`, or to this command as
/// `--variant FILE.wgsl`. The translations are those that wgpu hands to the drivers of Vulkan, DirectX 12, Metal and OpenGL, with the
/// guards that --shader-checks leaves in.
#[derive(Args)]
pub struct Emit {
    /// The kernel; `i2vgen kernels list` has all; with --all, only its settings
    #[arg(required_unless_present = "all")]
    kernel: Option<String>,
    /// A variant, such as register or register:TM=8, or a WGSL file of your own [default: what the device would choose]
    #[arg(long, value_name = "VARIANT|FILE", conflicts_with = "all")]
    variant: Option<String>,
    #[command(flatten)]
    shape: ShapeOptions,
    /// What to print or write, one or several separated by commas [default: wgsl; with --all, all]
    #[arg(long, value_enum, value_name = "TARGET", value_delimiter = ',')]
    target: Vec<Target>,
    /// File to write; a folder if there are several targets
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
    /// Print static facts: threads, workgroup memory, instructions by kind, what each guard adds
    #[arg(long, conflicts_with = "all")]
    facts: bool,
    /// Print everything as JSON
    #[arg(long, conflicts_with = "all")]
    json: bool,
    /// Write every setting of every variant of every kernel for all kinds of devices into the folder -o, with an index.json; thousands of
    /// files, of which the number and the size are told first
    #[arg(long, requires = "output", conflicts_with_all = ["shape", "case", "shapes", "dtype"])]
    all: bool,
    /// With --all: leave out the settings that only `kernels tune` tries
    #[arg(long, requires = "all")]
    usual: bool,
    /// The most that --all may write, about
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = units::parse_bytes, requires = "all")]
    limit: u64,
    /// The Vulkan driver keeps accesses inside of buffers itself (robustBufferAccess2, as on most cards): wgpu leaves that to it
    #[arg(long)]
    robust_buffers: bool,
    /// Emit for this kind of device instead of the one at hand, as in `i2vgen plan`: portable, desktop, a file, NAME=VALUE
    #[arg(long, value_name = "DEVICE", value_delimiter = ',')]
    assume_device: Vec<String>,
    #[command(flatten)]
    device: DeviceOptions,
}

/// What can be emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// The WGSL itself.
    Wgsl,
    /// The binary that Vulkan gets.
    Spirv,
    /// The same, disassembled.
    SpirvText,
    /// For DirectX 12.
    Hlsl,
    /// For Metal.
    Msl,
    /// For OpenGL.
    Glsl,
    /// All of them.
    All,
}

impl Target {
    const EVERY: [Self; 6] = [Self::Wgsl, Self::Spirv, Self::SpirvText, Self::Hlsl, Self::Msl, Self::Glsl];

    /// The backend that gets it; none of WGSL.
    fn backend(self) -> Option<Backend> {
        match self {
            Self::Spirv | Self::SpirvText => Some(Backend::Spirv),
            Self::Hlsl => Some(Backend::Hlsl),
            Self::Msl => Some(Backend::Msl),
            Self::Glsl => Some(Backend::Glsl),
            Self::Wgsl | Self::All => None,
        }
    }

    /// As it is written on the command line.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The ending of its files.
    fn extension(self) -> &'static str {
        match (self, self.backend()) {
            (Self::SpirvText, _) => "spvasm",
            (_, Some(backend)) => backend.extension(),
            (_, None) => "wgsl",
        }
    }
}

impl Emit {
    pub fn run(self) -> Result<(), Error> {
        let guards =
            Guards { checks: self.device.chosen_checks().unwrap_or_default(), robust_buffers: self.robust_buffers };
        let kernel = match &self.kernel {
            Some(kernel) if !self.all => kernel,
            kernel => {
                let selection = all::Selection { kernel: kernel.as_deref(), usual: self.usual, limit: self.limit };
                return all::write(&selection, &self.targets(Target::All), guards, self.output.as_deref());
            }
        };
        // Of several targets the output is a folder, which is made.
        if let ([_], Some(path)) = (self.targets(Target::Wgsl).as_slice(), &self.output) {
            staged::check(path)?;
        }
        let device = match self.assume_device.as_slice() {
            [] => self.device.capabilities_or(assume::desktop)?,
            words => self.device.limit(assume::device(words, None)?.0),
        };
        let candidate = self.variant.as_deref().map_or_else(|| Ok(Candidate::chosen()), Candidate::parse)?;
        let files = std::slice::from_ref(&candidate);
        let mut shapes = self.shape.items_for(files, std::slice::from_ref(kernel), &device, Usual::Costliest)?;
        if shapes.items.len() > 1 {
            let (count, first) = (shapes.items.len(), &shapes.items[0].name);
            shapes.notes.push(format!("{count} shapes are like this: {first} is emitted"));
        }
        let case = shapes.items[0].case().map_err(|e| Error::message(e.to_string()))?;
        let picked = variant::pick(case.op.as_ref(), &candidate, &device)?;
        shapes.notes.iter().chain(&picked.note).for_each(|note| output::tell(&format!("note: {note}")));
        let guards = Guards { checks: picked.checks.unwrap_or(guards.checks), ..guards };
        let emitted = Emitted::new(&case, picked, guards)?;
        if self.json {
            return output::print_json(&emitted.json());
        }
        let asked = !self.target.is_empty() || self.output.is_some() || !self.facts;
        if asked {
            self.emit(&emitted)?;
        }
        if self.facts {
            output::print(&facts::text(&emitted))?;
        }
        Ok(())
    }

    /// The targets that were asked for, each once.
    fn targets(&self, default: Target) -> Vec<Target> {
        let asked = if self.target.is_empty() { &[default][..] } else { &self.target };
        let wanted = |target: &Target| asked.contains(target) || asked.contains(&Target::All);
        Target::EVERY.into_iter().filter(wanted).collect()
    }

    /// Prints or writes what was asked for.
    fn emit(&self, emitted: &Emitted) -> Result<(), Error> {
        match (self.targets(Target::Wgsl).as_slice(), &self.output) {
            ([target], output) => {
                let bytes = emitted.bytes(*target)?;
                match output {
                    Some(path) => Ok(staged::write(path, &bytes)?),
                    None => output::print_bytes(&bytes, "-o FILE, or --target spirv-text"),
                }
            }
            (several, Some(folder)) => emitted.write_all(several, folder),
            (several, None) => {
                let names = several.iter().map(|target| target.name()).collect::<Vec<_>>().join(", ");
                Err(Error::message(format!("--target: {names} are several files: name a folder for them with -o DIR")))
            }
        }
    }
}
