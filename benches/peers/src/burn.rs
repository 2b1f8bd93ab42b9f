//! burn's side: its wgpu backend, in f32, on the adapter that i2vgen runs on.

use burn_tensor::{
    Device, DeviceKind, Tensor, TensorData, module,
    ops::{AttentionModuleOptions, ConvOptions},
    wgpu::WgpuBackend,
};
use i2vgen::gpu::{self, Adapter};

use crate::{Error, contest::Contestant, problem::Problem};

/// Opens burn's device on the same adapter.
pub fn open(adapter: &Adapter) -> Result<Device, Error> {
    let wanted = &adapter.capabilities;
    let api = match wanted.backend.as_str() {
        "vulkan" => WgpuBackend::Vulkan,
        "metal" => WgpuBackend::Metal,
        "dx12" => WgpuBackend::Dx12,
        other => return Err(format!("burn is not asked for adapters of '{other}'").into()),
    };
    // burn counts the adapters of a kind, in the driver's order.
    let all = gpu::adapters().into_iter().map(|adapter| adapter.capabilities);
    let alike = all.filter(|c| (c.kind, &c.backend) == (wanted.kind, &wanted.backend));
    let index = alike.take_while(|c| c.name != wanted.name).count();
    let kind = match wanted.kind {
        gpu::DeviceKind::Discrete => DeviceKind::DiscreteGpu(index),
        gpu::DeviceKind::Integrated => DeviceKind::IntegratedGpu(index),
        gpu::DeviceKind::Virtual => DeviceKind::VirtualGpu(index),
        gpu::DeviceKind::Cpu => DeviceKind::Cpu,
        gpu::DeviceKind::Other => DeviceKind::DefaultDevice,
    };
    let (device, setup) = Device::wgpu_options().device_kind(kind).graphics_api(api).init_with_setup()?;
    let found = setup.adapter.get_info();
    let found = (found.name, found.backend.to_string());
    if (&found.0, &found.1) != (&wanted.name, &wanted.backend) {
        let wanted = (&wanted.name, &wanted.backend);
        return Err(format!("burn runs on {} ({}), i2vgen on {} ({})", found.0, found.1, wanted.0, wanted.1).into());
    }
    Ok(device)
}

/// One operation on burn's device.
pub struct Burn {
    device: Device,
    columns: usize,
    operation: Operation,
    result: Option<Output>,
}

/// What is computed, with the inputs as burn likes them best: images and weights of convolutions have their channels innermost in memory,
/// as burn's own convolutions leave them, so that it copies neither.
enum Operation {
    /// x `[rows, inner]`, w `[inner, columns]`.
    Matmul { x: Tensor<2>, w: Tensor<2> },
    /// x `[F, C, H, W]`, w `[N, C, kh, kw]`.
    Conv2d { x: Tensor<4>, w: Tensor<4>, options: ConvOptions<2> },
    /// x `[1, C, F, H, W]`, w `[N, C, kt, kh, kw]`.
    Conv3d { x: Tensor<5>, w: Tensor<5>, options: ConvOptions<3> },
    /// All `[1, heads, tokens, width]`.
    Attention { q: Tensor<4>, k: Tensor<4>, v: Tensor<4> },
}

#[derive(Clone)]
enum Output {
    Matrix(Tensor<2>),
    Image(Tensor<4>),
    Clip(Tensor<5>),
    Heads(Tensor<4>),
}

impl Burn {
    /// Uploads what stays.
    pub fn new(device: &Device, problem: &Problem, others: &[Vec<f32>]) -> Self {
        let operation = match *problem {
            Problem::Matmul { rows, inner, columns } => Operation::Matmul {
                x: Tensor::zeros([rows, inner], device),
                w: tensor(device, swapped(&others[0], [1, columns, inner, 1]), [inner, columns]),
            },
            Problem::Conv { frames, size: [h, w], channels: [c, n], kernel: [kt, kh, kw] } => {
                let weight = swapped(&others[0], [n, c, kt * kh * kw, 1]);
                match kt {
                    1 => Operation::Conv2d {
                        x: image(Tensor::zeros([frames, h, w, c], device)),
                        w: image(tensor(device, weight, [n, kh, kw, c])),
                        options: ConvOptions::new([1; 2], [kh / 2, kw / 2], [1; 2], 1),
                    },
                    _ => Operation::Conv3d {
                        x: clip(Tensor::zeros([1, frames, h, w, c], device)),
                        w: clip(tensor(device, weight, [n, kt, kh, kw, c])),
                        options: ConvOptions::new([1; 3], [kt / 2, kh / 2, kw / 2], [1; 3], 1),
                    },
                }
            }
            Problem::Attention { heads, width, queries, keys } => {
                let of =
                    |values: &[f32]| tensor(device, swapped(values, [1, keys, heads, width]), [1, heads, keys, width]);
                Operation::Attention {
                    q: Tensor::zeros([1, heads, queries, width], device),
                    k: of(&others[0]),
                    v: of(&others[1]),
                }
            }
        };
        Self { device: device.clone(), columns: problem.columns(), operation, result: None }
    }

    fn compute(&self) -> Output {
        match &self.operation {
            Operation::Matmul { x, w } => Output::Matrix(x.clone().matmul(w.clone())),
            Operation::Conv2d { x, w, options } => {
                Output::Image(module::conv2d(x.clone(), w.clone(), None, options.clone()))
            }
            Operation::Conv3d { x, w, options } => {
                Output::Clip(module::conv3d(x.clone(), w.clone(), None, options.clone()))
            }
            Operation::Attention { q, k, v } => {
                let options = AttentionModuleOptions::default();
                Output::Heads(module::attention(q.clone(), k.clone(), v.clone(), None, None, options))
            }
        }
    }

    fn result(&self) -> Result<Output, Error> {
        Ok(self.result.clone().ok_or("burn has not computed anything yet")?)
    }
}

impl Contestant for Burn {
    fn name(&self) -> &'static str {
        "burn"
    }

    fn load(&mut self, first: &[f32]) -> Result<(), Error> {
        let device = &self.device;
        match &mut self.operation {
            Operation::Matmul { x, .. } => *x = tensor(device, first.to_vec(), x.dims()),
            Operation::Conv2d { x, .. } => {
                let [f, c, h, w] = x.dims();
                *x = image(tensor(device, first.to_vec(), [f, h, w, c]));
            }
            Operation::Conv3d { x, .. } => {
                let [b, c, f, h, w] = x.dims();
                *x = clip(tensor(device, first.to_vec(), [b, f, h, w, c]));
            }
            Operation::Attention { q, .. } => {
                let [b, heads, tokens, width] = q.dims();
                *q = tensor(device, swapped(first, [b, tokens, heads, width]), q.dims());
            }
        }
        Ok(device.sync()?)
    }

    fn run(&mut self, runs: usize) -> Result<(), Error> {
        for _ in 0..runs {
            self.result = Some(self.compute());
        }
        // `sync` has been seen to return while every launch was refused; what is read back has been computed.
        let (all, one) = (0..self.columns, 0..1);
        match self.result()? {
            Output::Matrix(y) => read(y.slice([one, all])),
            Output::Image(y) => read(y.slice([one.clone(), all, one.clone(), one])),
            Output::Clip(y) => read(y.slice([one.clone(), all, one.clone(), one.clone(), one])),
            Output::Heads(y) => read(y.slice([one.clone(), one.clone(), one])),
        }?;
        Ok(())
    }

    fn output(&mut self) -> Result<Vec<f32>, Error> {
        match self.result()? {
            Output::Matrix(y) => read(y),
            Output::Image(y) => read(y.permute([0, 2, 3, 1])),
            Output::Clip(y) => read(y.permute([0, 2, 3, 4, 1])),
            Output::Heads(y) => {
                let [b, heads, tokens, width] = y.dims();
                Ok(swapped(&read(y)?, [b, heads, tokens, width]))
            }
        }
    }
}

fn tensor<const D: usize>(device: &Device, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// `[F, H, W, C]` in memory, `[F, C, H, W]` to burn.
fn image(channels_last: Tensor<4>) -> Tensor<4> {
    channels_last.permute([0, 3, 1, 2])
}

/// `[B, F, H, W, C]` in memory, `[B, C, F, H, W]` to burn.
fn clip(channels_last: Tensor<5>) -> Tensor<5> {
    channels_last.permute([0, 4, 1, 2, 3])
}

/// Waits for the values: those of a `TensorData` arrive when they are looked at.
fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Error> {
    Ok(tensor.try_into_data()?.as_slice::<f32>()?.to_vec())
}

/// `[outer, a, b, inner]` as `[outer, b, a, inner]`.
fn swapped(values: &[f32], [outer, a, b, inner]: [usize; 4]) -> Vec<f32> {
    let row = |o: usize, i: usize, j: usize| &values[((o * a + i) * b + j) * inner..][..inner];
    let rows = (0..outer).flat_map(|o| (0..b).flat_map(move |j| (0..a).map(move |i| (o, i, j))));
    rows.flat_map(|(o, i, j)| row(o, i, j)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_swapped() {
        let values: Vec<f32> = (0..12u8).map(f32::from).collect();
        assert_eq!(swapped(&values, [1, 3, 4, 1])[..5], [0., 4., 8., 1., 5.]);
        assert_eq!(swapped(&values, [2, 3, 1, 2]), values);
        assert_eq!(swapped(&values, [1, 2, 3, 2]), [0., 1., 6., 7., 2., 3., 8., 9., 4., 5., 10., 11.]);
    }
}
