//! Which ops a command is about: a shape, cases of the harness, or all of a model run.

use clap::Args;
use i2vgen::{
    gpu::Capabilities,
    kernel::{self, Case, Dtype, KERNELS, Op, Role, fields},
    lab::{Candidate, Item, ModelRun, Used, Workload},
    nearest::hint,
    pipeline::DtypeChoice,
};
use serde_json::Value;

use crate::cli::{Error, options::by_name};

/// Shapes.
#[derive(Args, Clone)]
pub struct ShapeOptions {
    /// A shape, for example frames=16,size=64x64,sources=320,columns=320; may be given more than once
    #[arg(long, value_name = "FIELD=VALUE,…", help_heading = "Shapes", conflicts_with_all = ["case", "shapes"])]
    shape: Vec<String>,
    /// Cases of the test harness with this in their names
    #[arg(long, value_name = "TEXT", help_heading = "Shapes", conflicts_with = "shapes")]
    case: Option<String>,
    /// Every distinct shape of a model run: i2vgen-xl:512x512x16, demo:64x64x8, or a model folder before the colon; i2vgen-xl and demo
    /// alone mean these
    #[arg(long, value_name = "MODEL:WxHxF", help_heading = "Shapes")]
    shapes: Option<String>,
    /// How activations are stored [default: as the case or shape says, or f16 where a model run has it]
    #[arg(long, value_name = "f32|f16", value_parser = floats, help_heading = "Shapes")]
    dtype: Option<Dtype>,
}

/// The types of activations.
fn floats(text: &str) -> Result<Dtype, String> {
    match by_name::<Dtype>(text) {
        Ok(dtype @ (Dtype::F32 | Dtype::F16)) => Ok(dtype),
        _ => Err("expected `f32` or `f16`".into()),
    }
}

/// What a command does where no shape is named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Usual {
    /// All cases.
    Cases,
    /// The shape with the most work in a usual model run.
    Costliest,
    /// All of a usual model run.
    Run,
}

/// Ops with their names.
pub struct Shapes {
    pub items: Vec<Item>,
    /// What the user should know: what was taken where nothing was named, what is left out.
    pub notes: Vec<String>,
}

/// The kernel of this name.
pub fn kernel(name: &str) -> Result<&'static kernel::Kernel, Error> {
    KERNELS.iter().find(|kernel| kernel.name == name).ok_or_else(|| {
        let hint = hint(name, KERNELS.iter().map(|kernel| kernel.name));
        Error::message(format!("no kernel is called '{name}'{hint}; `i2vgen kernels list` has all"))
    })
}

impl ShapeOptions {
    /// The ops of these kernels (of all, if none is named).
    pub fn items(&self, kernels: &[String], device: &Capabilities, usual: Usual) -> Result<Shapes, Error> {
        for name in kernels {
            kernel(name)?;
        }
        let mut shapes = Shapes { items: Vec::new(), notes: Vec::new() };
        if !self.shape.is_empty() {
            let [kernel] = kernels else {
                return Err(Error::message("--shape is for one kernel: name it, as in `i2vgen kernels check conv2d`"));
            };
            shapes.items = self.shape.iter().map(|text| self.parse(kernel, text)).collect::<Result<_, _>>()?;
            let ops = shapes.items.iter().filter_map(|item| item.case().ok());
            if !device.f16 && ops.into_iter().any(|case| is_half(case.op.as_ref())) {
                return Err(Error::message(format!("device '{}' has no f16 in shaders: take dtype=f32", device.name)));
            }
            return Ok(shapes);
        }
        let wanted = |op: &dyn Op| kernels.is_empty() || kernels.iter().any(|name| name == op.kernel().name);
        match (&self.shapes, &self.case) {
            (Some(run), _) => shapes.items = self.of_run(run, device, &wanted)?.iter().map(item_of).collect(),
            (None, Some(_)) => self.cases(device, &wanted, &mut shapes)?,
            (None, None) if usual == Usual::Cases => self.cases(device, &wanted, &mut shapes)?,
            (None, None) if usual == Usual::Run => {
                let run = usual_run(device);
                shapes.notes.push(format!("no shapes are named: all of {run}"));
                shapes.items = self.of_run(run, device, &wanted)?.iter().map(item_of).collect();
            }
            (None, None) => self.costliest(kernels, device, &mut shapes)?,
        }
        if shapes.items.is_empty() {
            let of = self.shapes.as_ref().map_or_else(|| "the cases".into(), |run| format!("the run {run}"));
            return Err(Error::message(format!("{of} have no {} like this", kernels.join(", "))));
        }
        Ok(shapes)
    }

    /// The arguments that give these items again: what was named, else their shapes.
    pub fn arguments(&self, items: &[Item]) -> Vec<String> {
        let named = [("--case", &self.case), ("--shapes", &self.shapes)];
        let named = named.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value.clone()?]));
        let mut words: Vec<String> = named.flatten().collect();
        if words.is_empty() {
            let shape = |item: &Item| ["--shape".to_owned(), kernel::spelled(&item.shape.clone().into())];
            return items.iter().flat_map(shape).collect();
        }
        words.extend(self.dtype.iter().flat_map(|dtype| ["--dtype".to_owned(), dtype.wgsl().to_owned()]));
        words
    }

    /// The same for these candidates: where no shape is named and there are files that were printed for one, those shapes.
    pub fn items_for(
        &self,
        candidates: &[Candidate],
        kernels: &[String],
        device: &Capabilities,
        usual: Usual,
    ) -> Result<Shapes, Error> {
        let (mut own, mut notes): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        if self.shape.is_empty() && self.case.is_none() && self.shapes.is_none() {
            for file in candidates.iter().filter_map(Candidate::file) {
                let Some((_, shape)) = file.printed_for().filter(|(kernel, _)| *kernel == kernels.join(" ")) else {
                    continue;
                };
                notes.push(format!("no shape is named: {shape}, which {} was printed for", file.path));
                own.push(shape.to_owned());
            }
        }
        own.dedup();
        let shapes = if own.is_empty() { self } else { &Self { shape: own, ..self.clone() } };
        let Shapes { items, notes: more } = shapes.items(kernels, device, usual)?;
        Ok(Shapes { items, notes: [notes, more].concat() })
    }

    fn parse(&self, kernel: &str, text: &str) -> Result<Item, Error> {
        let mut shape = fields(text).map_err(|e| Error::message(format!("--shape: {e}")))?;
        let mut name = text.to_owned();
        if let Some(dtype) = self.dtype.map(Dtype::wgsl) {
            let types = kernel::ACTIVATIONS.into_iter().chain(["dtype"]);
            let mut given = types.filter_map(|field| Some((field, shape.get(field)?.as_str()?)));
            if let Some((field, other)) = given.find(|(_, other)| *other != dtype) {
                return Err(Error::message(format!(
                    "--dtype {dtype} contradicts {field}={other} of --shape: leave out one of them"
                )));
            }
            if shape.insert("dtype".into(), Value::from(dtype)).is_none() {
                name += &format!(",dtype={dtype}");
            }
        }
        let op = kernel::parse(kernel, &shape).map_err(|e| Error::message(format!("--shape: {e}")))?;
        Ok(Item::new(&name, op.as_ref()))
    }

    fn of_run(&self, run: &str, device: &Capabilities, wanted: &dyn Fn(&dyn Op) -> bool) -> Result<Vec<Used>, Error> {
        let dtype = match self.dtype {
            Some(Dtype::F32) => DtypeChoice::F32,
            Some(Dtype::F16) if !device.f16 => {
                let name = &device.name;
                return Err(Error::message(format!("--dtype: device '{name}' has no f16 in shaders: take f32")));
            }
            Some(_) => DtypeChoice::F16,
            None => DtypeChoice::Auto,
        };
        let run: ModelRun = run.parse()?;
        let workload = Workload::new(&run.plans(device, dtype)?);
        Ok(workload.ops.into_iter().filter(|used| wanted(used.op.as_ref())).collect())
    }

    fn cases(&self, device: &Capabilities, wanted: &dyn Fn(&dyn Op) -> bool, shapes: &mut Shapes) -> Result<(), Error> {
        let named = |case: &Case| self.case.as_ref().is_none_or(|text| case.name.contains(text.as_str()));
        let typed = |case: &Case| self.dtype.is_none_or(|dtype| is_half(case.op.as_ref()) == (dtype == Dtype::F16));
        let all: Vec<Case> =
            kernel::cases().into_iter().filter(|case| wanted(case.op.as_ref()) && named(case) && typed(case)).collect();
        let (half, fit): (Vec<&Case>, Vec<&Case>) =
            all.iter().partition(|case| !device.f16 && is_half(case.op.as_ref()));
        if !half.is_empty() {
            shapes.notes.push(format!("{} cases need f16, which this device has not: left out", half.len()));
        }
        shapes.items = fit.into_iter().map(Item::of_case).collect();
        if all.is_empty() {
            let text = self.case.as_deref().unwrap_or_default();
            return Err(Error::message(format!(
                "--case: no case has '{text}' in its name; `i2vgen kernels list KERNEL --case \"\"` lists them"
            )));
        }
        Ok(())
    }

    /// The op with the most work of a kernel: in a run of the published model, on a CPU driver of the demo; or among its cases.
    fn costliest(&self, kernels: &[String], device: &Capabilities, shapes: &mut Shapes) -> Result<(), Error> {
        let run = usual_run(device);
        for kernel in kernels {
            let wanted = |op: &dyn Op| op.kernel().name == kernel;
            let work = |op: &dyn Op| op.cost().flops + op.cost().bytes;
            let used = self.of_run(run, device, &wanted)?;
            let most = used.iter().max_by(|a, b| work(a.op.as_ref()).total_cmp(&work(b.op.as_ref())));
            let item = match most {
                Some(used) => Some(item_of(used)),
                None => {
                    let cases = kernel::cases().into_iter().filter(|case| wanted(case.op.as_ref()));
                    let fit = cases.filter(|case| device.f16 || !is_half(case.op.as_ref()));
                    fit.max_by(|a, b| work(a.op.as_ref()).total_cmp(&work(b.op.as_ref()))).map(|c| Item::of_case(&c))
                }
            };
            if let Some(item) = item {
                shapes.notes.push(format!("no shape is named: {kernel} at {} ({run})", item.name));
                shapes.items.push(item);
            }
        }
        Ok(())
    }
}

/// The run whose shapes are meant where none is named.
fn usual_run(device: &Capabilities) -> &'static str {
    if device.is_cpu() { "demo:64x64x8" } else { "i2vgen-xl:512x512x16" }
}

/// Denoising steps of a run, for how often it does what.
const STEPS: usize = 50;

/// An op of a run under the name of its first layer.
fn item_of(used: &Used) -> Item {
    let first = used.layers.first();
    let name = first.map_or(String::new(), |layer| format!("{}: {}", layer.phase, layer.label));
    let more = if used.layers.len() > 1 { format!(" and {} more", used.layers.len() - 1) } else { String::new() };
    Item::new(&(name + &more), used.op.as_ref()).times(used.runs(STEPS))
}

/// Does it store activations as f16?
fn is_half(op: &dyn Op) -> bool {
    op.bindings().iter().any(|b| b.dtype == Dtype::F16 && !matches!(b.role, Role::Weight(_)))
}
