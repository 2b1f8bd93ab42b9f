//! i2vgen's side: a graph with one operation, planned as for any device and run by wall clock.

use std::sync::Arc;

use half::f16;
use i2vgen::{
    gpu::{Buffer, Device},
    graph::{
        Bindings, Epilogue, Error as GraphError, Graph, Keep, Params, Plan, Program, Target, Tensor, Types,
        WeightFormat, WeightSource, WeightStore, WeightView,
    },
    kernel::{Attention, Conv2d, Conv3d, Dtype, Gemm},
};

use crate::{Error, contest::Contestant, problem::Problem};

/// One operation on i2vgen's device.
pub struct Ours {
    device: Device,
    program: Program,
    first: Buffer,
    output: Buffer,
    problem: Problem,
    dtype: Dtype,
    variant: &'static str,
}

impl Ours {
    /// Records, plans, compiles and uploads what stays.
    pub fn new(
        device: &Device,
        target: &Target,
        problem: &Problem,
        others: &[Vec<f32>],
        dtype: Dtype,
    ) -> Result<Self, Error> {
        let types = Types { activation: dtype, weight: dtype };
        let mut graph = Graph::new(types).with_max_binding(target.device.max_binding);
        let y = record(&mut graph, problem, dtype)?;
        graph.output("y", &y);
        let plan = Plan::new(&graph, target, Keep::Nothing)?;
        let mut weights = WeightStore::default();
        weights.load(device, &plan.weights, &Weight(&others[0]))?;

        let mut bindings = Bindings::new();
        for (name, values) in [("k", 0), ("v", 1)].map(|(name, i)| (name, others.get(i))) {
            if let (Problem::Attention { .. }, Some(values)) = (problem, values) {
                let bytes = bytes(values, dtype);
                let buffer = device.buffer(name, bytes.len() as u64)?;
                device.write(&buffer, 0, &bytes);
                bindings.insert(name.into(), buffer);
            }
        }
        let first = device.buffer("x", (problem.first() * dtype.bytes()) as u64)?;
        bindings.insert("x".into(), first.clone());
        let program = Program::new(device, &plan, &weights, &mut bindings)?;
        let output = bindings.remove("y").ok_or("the plan has no output")?;
        let variant = plan.ops.first().map_or("", |op| op.choice.variant);
        Ok(Self { device: device.clone(), program, first, output, problem: problem.clone(), dtype, variant })
    }

    /// The rung that runs.
    pub fn variant(&self) -> &'static str {
        self.variant
    }
}

/// Records the operation. Convolutions and products are without bias: nothing but the product is compared.
fn record(graph: &mut Graph, problem: &Problem, dtype: Dtype) -> Result<Tensor, GraphError> {
    let params = Params::new();
    match *problem {
        Problem::Matmul { rows, inner, columns } => {
            let x = graph.input("x", &[rows, inner], dtype);
            graph.linear("y", &x, &params.linear_no_bias("w", inner, columns), Epilogue::default())
        }
        Problem::Conv { frames, size: [h, w], channels: [c, n], kernel } => {
            let x = graph.input("x", &[frames, h, w, c], dtype);
            let gemm = Gemm { bias: false, ..Gemm::plain(frames * h * w, c, n, dtype) };
            let [kt, kh, kw] = kernel;
            let pad = [kh / 2, kw / 2];
            let (op, shape): (Arc<dyn i2vgen::kernel::Op>, &[usize]) = match kt {
                1 => (Arc::new(Conv2d::new(gemm, frames, [h, w], [h, w], [kh, kw], 1, pad)), &[n, c, kh, kw]),
                _ => (Arc::new(Conv3d::new(gemm, [1, frames], [h, w], kernel, pad)), &[n, c, kt, kh, kw]),
            };
            let weight = params.param("w", shape);
            Ok(graph.record("y", op, &[(&x).into(), None, (&weight).into(), None, None, None])?.swap_remove(0))
        }
        Problem::Attention { heads, width, queries, keys } => {
            let mut input = |name: &str, tokens| graph.input(name, &[1, tokens, heads * width], dtype);
            let [q, k, v] = [input("x", queries), input("k", keys), input("v", keys)];
            graph.attention("y", Attention::rows(1, heads, width, queries, keys, 1, dtype), [&q, &k, &v])
        }
    }
}

impl Contestant for Ours {
    fn name(&self) -> &'static str {
        match self.dtype {
            Dtype::F16 => "i2vgen f16",
            _ => "i2vgen f32",
        }
    }

    fn tolerance(&self) -> f64 {
        match self.dtype {
            Dtype::F16 => 1e-2,
            _ => 1e-4,
        }
    }

    fn load(&mut self, first: &[f32]) -> Result<(), Error> {
        self.device.write(&self.first, 0, &bytes(first, self.dtype));
        Ok(self.device.flush()?)
    }

    fn run(&mut self, runs: usize) -> Result<(), Error> {
        for _ in 0..runs {
            self.program.submit()?;
        }
        let row = self.problem.columns() * self.dtype.bytes();
        self.device.read(&self.output, 0, row as u64)?;
        Ok(())
    }

    fn output(&mut self) -> Result<Vec<f32>, Error> {
        let elements = self.problem.rows() * self.problem.columns();
        let bytes = self.device.read(&self.output, 0, (elements * self.dtype.bytes()) as u64)?;
        Ok(match self.dtype {
            Dtype::F16 => bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect(),
            _ => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
        })
    }
}

fn bytes(values: &[f32], dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}

/// The one weight of a plan.
struct Weight<'a>(&'a [f32]);

impl WeightSource for Weight<'_> {
    fn weight(&self, _: &str, shape: &[usize]) -> Option<WeightView<'_>> {
        let bytes = bytes(self.0, Dtype::F32).into();
        Some(WeightView { format: WeightFormat::F32, shape: shape.to_vec(), bytes })
    }
}
