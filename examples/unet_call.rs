//! One call of a UNet at the published sizes against the reference: `tools/true-size` runs it.
//!
//! `unet_call DIR [f32|f16]`: DIR holds `unet/` and `unet_call.safetensors`. Prints errors relative to the rms, the time of the call and the
//! device's peak memory; fails above 1e-3 in f32.

use std::{error::Error, path::Path, time::Instant};

use i2vgen::{
    checkpoint::{Component, ComponentKind, ModelFiles, UNetConfig, Variant},
    gpu,
    graph::{Bindings, Graph, Keep, Params, Plan, Program, Target, Types, WeightStore, measure},
    kernel::Dtype,
    model::{Condition, Depth, UNet},
    pipeline::{MAX_SECONDS, Source, weight_dtype},
};
use safetensors::SafeTensors;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let dir = Path::new(arguments.get(1).ok_or("usage: unet_call DIR [f32|f16]")?);
    let activation = if arguments.get(2).is_some_and(|a| a == "f16") { Dtype::F16 } else { Dtype::F32 };
    let config: UNetConfig = serde_json::from_slice(&std::fs::read(dir.join("unet/config.json"))?)?;
    let component = Component::open(&ModelFiles::from(dir), ComponentKind::UNet, Variant::Auto)?;
    let bytes = std::fs::read(dir.join("unet_call.safetensors"))?;
    let call = Call(SafeTensors::deserialize(&bytes)?);

    let sample = call.get("sample")?;
    let [batch, channels, frames, height, width] = <[usize; 5]>::try_from(sample.shape.as_slice())?;
    let condition = Condition {
        batch,
        frames,
        height,
        width,
        text_tokens: call.get("encoder_hidden_states")?.shape[1],
        image_branch_scale: 1.0,
    };
    let device = gpu::Device::open(&gpu::choose(None)?, gpu::Disable::default())?;
    let target = Target::new(device.capabilities().clone(), measure(&device)?).within(MAX_SECONDS);
    let unet = UNet::new(&config, &Params::new());
    let types = Types { activation, weight: weight_dtype(&component, activation) };
    let plan = |record: &dyn Fn(&mut Graph) -> Result<(), i2vgen::graph::Error>| {
        let mut graph = Graph::new(types);
        record(&mut graph)?;
        Plan::new(&graph, &target, Keep::Nothing)
    };
    let plans =
        [plan(&|g| unet.record_conditions(g, &condition))?, plan(&|g| unet.record(g, &condition, Depth::Whole))?];

    let start = Instant::now();
    let mut weights = WeightStore::default();
    for plan in &plans {
        weights.load(&device, &plan.weights, &Source(&component))?;
    }
    println!("weights: {} MiB in {:.1} s", weights.bytes() >> 20, start.elapsed().as_secs_f64());

    let pixels = height * width;
    let row = channels * frames * pixels;
    let first = &call.get("image_latents")?.values;
    let inputs = [
        ("timestep", call.get("timestep")?.values, Dtype::F32),
        ("fps", call.get("fps")?.values[..1].to_vec(), Dtype::F32),
        ("latents", channels_last(&sample.values[..row], channels), Dtype::F32),
        (
            "image_latent",
            channels_last(
                &(0..channels).flat_map(|c| first[c * frames * pixels..][..pixels].to_vec()).collect::<Vec<_>>(),
                channels,
            ),
            Dtype::F32,
        ),
        ("text", call.get("encoder_hidden_states")?.values, activation),
        ("clip", call.get("image_embeddings")?.values, activation),
    ];
    let mut bindings = Bindings::new();
    for (name, values, dtype) in inputs {
        let bytes: Vec<u8> = match dtype {
            Dtype::F16 => values.iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect(),
            _ => bytemuck::cast_slice(&values).to_vec(),
        };
        let buffer = device.buffer(name, bytes.len() as u64)?;
        device.write(&buffer, 0, &bytes);
        bindings.insert(name.into(), buffer);
    }
    let start = Instant::now();
    let conditions = Program::new(&device, &plans[0], &weights, &mut bindings)?;
    let program = Program::new(&device, &plans[1], &weights, &mut bindings)?;
    println!("pipelines: {:.1} s", start.elapsed().as_secs_f64());
    conditions.run()?;
    for name in ["first", "second"] {
        let start = Instant::now();
        program.run()?;
        println!("{name} call: {:.1} s, {} submissions", start.elapsed().as_secs_f64(), program.submissions());
    }
    let found: Vec<f32> =
        bytemuck::pod_collect_to_vec(&device.read(&bindings["prediction"], 0, (batch * row * 4) as u64)?);
    let expected: Vec<f32> = call.get("output")?.values.chunks(row).flat_map(|r| channels_last(r, channels)).collect();
    let rms =
        |values: &mut dyn Iterator<Item = f64>| (values.map(|v| v * v).sum::<f64>() / expected.len() as f64).sqrt();
    let scale = rms(&mut expected.iter().map(|&v| f64::from(v)));
    let errors = || expected.iter().zip(&found).map(|(&e, &f)| (f64::from(e) - f64::from(f)).abs());
    let worst = errors().fold(0.0, f64::max) / scale;
    println!("output: worst {worst:.2e}, rms {:.2e} of the reference's rms", rms(&mut errors()) / scale);
    println!("device memory: {} MiB at most", device.memory()[1] >> 20);
    // A NaN is not close.
    let close = worst <= 1e-3;
    if activation == Dtype::F32 && !close {
        Err("the output is further than 1e-3 from the reference".into())
    } else {
        Ok(())
    }
}

struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

struct Call<'a>(SafeTensors<'a>);

impl Call<'_> {
    fn get(&self, name: &str) -> Result<Tensor, Box<dyn Error>> {
        let view = self.0.tensor(name)?;
        let values = match view.dtype() {
            safetensors::Dtype::I64 => {
                view.data().as_chunks().0.iter().map(|&b| i64::from_le_bytes(b) as f32).collect()
            }
            _ => view.data().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
        };
        Ok(Tensor { shape: view.shape().to_vec(), values })
    }
}

/// `(C, …)` as `[…, C]`.
fn channels_last(values: &[f32], channels: usize) -> Vec<f32> {
    let count = values.len() / channels;
    (0..count).flat_map(|i| (0..channels).map(move |c| values[c * count + i])).collect()
}
