//! How fast a device is, measured with a matrix product: the planner splits long dispatches by it.

use std::time::Instant;

use super::{
    Bindings, Epilogue, Error, Graph, Keep, Params, Plan, Program, Target, Types, WeightSource, WeightStore,
    WeightView, slots::ZEROS,
};
use crate::{
    gpu::{Capabilities, Device},
    graph::WeightFormat,
    kernel::{Cost, Dtype},
};

/// What a device sustains.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Rate {
    /// Floating-point operations per second of a matrix product.
    pub flops: f64,
    /// Bytes per second that a kernel without arithmetic moves.
    pub bytes: f64,
}

/// A slow laptop GPU: what is assumed when nothing was measured.
impl Default for Rate {
    fn default() -> Self {
        Self { flops: 100e9, bytes: 20e9 }
    }
}

impl Rate {
    /// Estimated seconds. Kernels other than large matrix products reach a third of the rate or so.
    pub fn seconds(&self, cost: Cost) -> f64 {
        3.0 * cost.flops / self.flops + 2.0 * cost.bytes / self.bytes
    }
}

struct Ones;

impl WeightSource for Ones {
    fn weight(&self, _: &str, shape: &[usize]) -> Option<WeightView<'_>> {
        let count: usize = shape.iter().product();
        Some(WeightView {
            format: WeightFormat::F32,
            shape: shape.to_vec(),
            bytes: bytemuck::cast_slice(&vec![1.0f32; count]).to_vec().into(),
        })
    }
}

/// Side of the matrix.
const WIDTH: usize = 256;

/// Measures the device with a matrix product that grows until it takes long enough to be timed, or until the device's memory limit.
/// Where even the smallest is too much, the default rate is assumed.
pub fn measure(device: &Device) -> Result<Rate, Error> {
    let mut rows = 256;
    // Input, output, and the weights with their copy on its way.
    let too_much = |rows: usize| {
        let bytes = 4 * WIDTH * (2 * rows + 2 * WIDTH) + 2 * ZEROS as usize;
        device.memory_limit().is_some_and(|limit| device.memory()[0] + bytes as u64 > limit)
    };
    if too_much(rows) {
        return Ok(Rate::default());
    }
    loop {
        let (seconds, cost) = time_linear(device, rows)?;
        if seconds > 0.02 || rows >= 65_536 || too_much(rows * 4) {
            let flops = cost.flops / seconds.max(1e-6);
            // Memory is rarely slower than a twentieth of the arithmetic of these kernels.
            return Ok(Rate { flops, bytes: (flops / 20.0).max(1e9) });
        }
        rows *= 4;
    }
}

fn time_linear(device: &Device, rows: usize) -> Result<(f64, Cost), Error> {
    let mut graph = Graph::new(Types { activation: Dtype::F32, weight: Dtype::F32 });
    let layer = Params::new().linear_no_bias("rate", WIDTH, WIDTH);
    let x = graph.input("x", &[rows, WIDTH], Dtype::F32);
    let y = graph.linear("rate", &x, &layer, Epilogue::default())?;
    graph.output("y", &y);
    // All buffers are below the smallest limit that there is, whatever is emulated.
    let capabilities = Capabilities { max_binding: u64::MAX, ..device.capabilities().clone() };
    let target = Target::new(capabilities, Rate::default());
    let plan = Plan::new(&graph, &target, Keep::Nothing)?;
    let mut weights = WeightStore::default();
    weights.load(device, &plan.weights, &Ones)?;
    let mut bindings = Bindings::from([("x".to_owned(), device.buffer("x", (rows * WIDTH * 4) as u64)?)]);
    let program = Program::new(device, &plan, &weights, &mut bindings)?;
    program.run()?;
    let start = Instant::now();
    program.run()?;
    Ok((start.elapsed().as_secs_f64(), plan.cost))
}
