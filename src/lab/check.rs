//! Checks an op on a device against its CPU twin, whole and in pieces.

use std::sync::Arc;

use half::f16;

use crate::{
    gpu::{Capabilities, Device},
    graph::{
        Bindings, Error, Graph, Input, Keep, Param, Plan, Program, Rate, Target, Types, WeightFormat, WeightSource,
        WeightStore, WeightView,
    },
    kernel::{Binding, Case, Dtype, Op, Role},
};

/// What a check found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    /// The kernel.
    pub kernel: &'static str,
    /// The case.
    pub case: String,
    /// The variant that ran.
    pub variant: &'static str,
    /// Largest error relative to the rms of the twin's output.
    pub worst: f64,
    /// Index of that error in its output.
    pub at: usize,
    /// Rms error relative to the rms of the twin's output.
    pub rms: f64,
    /// The case's tolerance.
    pub tolerance: f64,
    /// Into how many dispatches the second run was split.
    pub pieces: usize,
    /// Did the split run give the very same bits?
    pub split_equal: bool,
}

impl Report {
    /// Is the kernel right?
    pub fn passed(&self) -> bool {
        self.worst <= self.tolerance && self.split_equal
    }
}

/// Runs a case on random inputs, once in as few dispatches as possible and once in as many as its units allow (up to a few dozen).
/// The variant is the one that a device with these `capabilities` would choose; the device at hand must be able to run it.
pub fn check(device: &Device, capabilities: &Capabilities, case: &Case) -> Result<Report, Error> {
    let op: Arc<dyn Op> = case.op.clone();
    let inputs = inputs(case);
    let slices: Vec<&[f32]> = inputs.iter().map(|(_, data)| data.as_slice()).collect();
    let expected = op.reference(&slices);

    let (whole, variant, _) = run(device, capabilities, &op, &inputs, f64::INFINITY)?;
    let (split, _, pieces) = run(device, capabilities, &op, &inputs, 1.0 / 37.0)?;
    let mut report = Report {
        kernel: op.kernel().name,
        case: case.name.clone(),
        variant,
        worst: 0.0,
        at: 0,
        rms: 0.0,
        tolerance: case.tolerance.worst,
        pieces,
        split_equal: whole.iter().zip(&split).all(|(a, b)| a.1 == b.1),
    };
    for (expected, (binding, bytes)) in expected.iter().zip(&whole) {
        let (worst, at, rms) = match binding.dtype {
            Dtype::U32 => compare_words(expected, bytes),
            _ => compare(expected, &floats(binding.dtype, bytes)),
        };
        report.rms = report.rms.max(rms);
        if worst > report.worst || worst.is_nan() {
            (report.worst, report.at) = (worst, at);
        }
    }
    Ok(report)
}

type Named<T> = (Binding, T);

/// Random inputs and weights, rounded to their storage types; absent ones are empty.
fn inputs(case: &Case) -> Vec<Named<Vec<f32>>> {
    let mut random = SplitMix(0x1234_5678 ^ case.name.len() as u64);
    let mut all = Vec::new();
    for binding in case.op.bindings() {
        if binding.role == Role::Output {
            continue;
        }
        let count = if binding.role == Role::Absent { 0 } else { binding.elements() };
        let data = (0..count).map(|i| {
            let value = (case.fill)(&binding, i, random.normal());
            match binding.dtype {
                Dtype::F16 => f16::from_f32(value).to_f32(),
                Dtype::F32 => value,
                Dtype::U32 => value.abs().mul_add(3.0, 0.0).floor(),
            }
        });
        let data = data.collect();
        all.push((binding, data));
    }
    all
}

struct Given<'a>(&'a [Named<Vec<f32>>]);

impl WeightSource for Given<'_> {
    fn weight(&self, path: &str, shape: &[usize]) -> Option<WeightView<'_>> {
        let (_, data) = self.0.iter().find(|(b, _)| b.name == path)?;
        Some(WeightView { format: WeightFormat::F32, shape: shape.to_vec(), bytes: bytemuck::cast_slice(data).into() })
    }
}

/// Bytes of every output, the variant that ran, and the number of dispatches.
type Outputs = (Vec<Named<Vec<u8>>>, &'static str, usize);

/// Runs the op through recorder, planner and runner. `max_seconds` is a share of what the whole op is estimated to take.
fn run(
    device: &Device,
    capabilities: &Capabilities,
    op: &Arc<dyn Op>,
    inputs: &[Named<Vec<f32>>],
    share: f64,
) -> Result<Outputs, Error> {
    let mut graph = Graph::new(Types { activation: Dtype::F32, weight: Dtype::F32 });
    let mut bindings = Bindings::new();
    let mut operands = Vec::new();
    for (binding, data) in inputs {
        operands.push(match binding.role {
            Role::Weight(_) => {
                Some(Operand::Param(Param { path: binding.name.into(), shape: binding.shape.clone(), slice: None }))
            }
            Role::Absent => None,
            _ => {
                let tensor = graph.input(binding.name, &binding.shape, binding.dtype);
                let bytes = to_bytes(binding.dtype, data);
                let buffer = device.buffer(binding.name, bytes.len() as u64)?;
                device.write(&buffer, 0, &bytes);
                bindings.insert(binding.name.to_owned(), buffer);
                Some(Operand::Tensor(tensor))
            }
        });
    }
    let given: Vec<Option<Input<'_>>> = operands
        .iter()
        .map(|o| match o {
            Some(Operand::Tensor(t)) => t.into(),
            Some(Operand::Param(p)) => p.into(),
            None => None,
        })
        .collect();
    let outputs = graph.record("check", op.clone(), &given)?;
    let names: Vec<String> = (0..outputs.len()).map(|i| format!("output {i}")).collect();
    for (name, output) in names.iter().zip(&outputs) {
        graph.output(name, output);
        // Poisoned, so that an element that is not written shows.
        let bytes = output.elements() * output.dtype().bytes();
        let buffer = device.buffer(name, bytes as u64)?;
        device.write(&buffer, 0, &vec![0xff; bytes]);
        bindings.insert(name.clone(), buffer);
    }
    let mut target = Target::new(capabilities.clone(), Rate::default());
    target.max_seconds = target.rate.seconds(op.cost()) * share;
    let plan = Plan::new(&graph, &target, Keep::Nothing)?;
    let mut weights = WeightStore::default();
    weights.load(device, &plan.weights, &Given(inputs))?;
    Program::new(device, &plan, &weights, &mut bindings)?.run()?;
    let output_bindings = op.bindings().into_iter().filter(|b| b.role == Role::Output);
    let mut results = Vec::new();
    for (name, binding) in names.iter().zip(output_bindings) {
        let bytes = (binding.elements() * binding.dtype.bytes()) as u64;
        let data = device.read(&bindings[name], 0, bytes)?;
        results.push((binding, data));
    }
    Ok((results, plan.ops[0].choice.variant, plan.dispatches()))
}

enum Operand {
    Tensor(crate::graph::Tensor),
    Param(Param),
}

fn to_bytes(dtype: Dtype, data: &[f32]) -> Vec<u8> {
    match dtype {
        Dtype::F32 => bytemuck::cast_slice(data).to_vec(),
        Dtype::F16 => data.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        Dtype::U32 => data.iter().flat_map(|&v| (v as u32).to_le_bytes()).collect(),
    }
}

fn floats(dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
    match dtype {
        Dtype::F16 => bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect(),
        _ => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
    }
}

/// Worst error, its index, and rms error, relative to the rms of what was expected.
fn compare(expected: &[f32], found: &[f32]) -> (f64, usize, f64) {
    if expected.len() != found.len() {
        return (f64::NAN, found.len(), f64::NAN);
    }
    let rms = |values: &mut dyn Iterator<Item = f64>| {
        (values.map(|v| v * v).sum::<f64>() / expected.len().max(1) as f64).sqrt()
    };
    let scale = rms(&mut expected.iter().map(|&v| f64::from(v))).max(1e-12);
    let errors = || expected.iter().zip(found).map(|(&e, &f)| (f64::from(e) - f64::from(f)).abs());
    let (mut worst, mut at) = (0.0, 0);
    for (i, error) in errors().enumerate() {
        // A NaN is the worst of errors.
        if error > worst || error.is_nan() {
            (worst, at) = (if error.is_nan() { f64::INFINITY } else { error }, i);
        }
    }
    (worst / scale, at, rms(&mut errors()) / scale)
}

/// Packed bytes: the largest difference of one byte beyond 1 (a value on the edge may be rounded either way). The twin gives bit patterns.
fn compare_words(expected: &[f32], bytes: &[u8]) -> (f64, usize, f64) {
    let expected: Vec<u8> = expected.iter().flat_map(|v| v.to_bits().to_le_bytes()).collect();
    let differences = expected.iter().zip(bytes).map(|(&e, &f)| f64::from(e.abs_diff(f).saturating_sub(1)));
    let (at, worst) = differences.enumerate().fold((0, 0.0), |best, (i, d)| if d > best.1 { (i, d) } else { best });
    (if expected.len() == bytes.len() { worst } else { f64::NAN }, at, worst)
}

/// SplitMix64 (Steele, Lea & Flood 2014): test data.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn normal(&mut self) -> f32 {
        let uniform = |bits: u64| (bits >> 11) as f64 / (1u64 << 53) as f64;
        let (u, v) = (uniform(self.next()), uniform(self.next()));
        ((-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
    }
}
