//! `i2vgen devices`: every adapter, and which variants of the kernels would run on it.

use clap::Args;
use i2vgen::{
    gpu::{self, Capabilities},
    kernel::{Attention, Conv2d, Conv3d, Dtype, Gemm, Linear, Op},
};
use serde_json::json;

use super::{Error, output, units};

/// List the graphics devices, what they offer, and which variants of the kernels they would run
#[derive(Args)]
pub struct Devices {
    /// Print JSON; one entry's "capabilities" is what `i2vgen plan --assume-device FILE` reads
    #[arg(long)]
    json: bool,
}

impl Devices {
    pub fn run(self) -> Result<(), Error> {
        let adapters = gpu::adapters();
        if adapters.is_empty() {
            return Err(gpu::Error::NoAdapter.into());
        }
        let all = adapters.iter().map(|adapter| &adapter.capabilities).enumerate();
        if self.json {
            let entry = |(number, device): (usize, &Capabilities)| {
                let variants = layers(device).map(|(layer, op)| {
                    let (kernel, choice) = (op.kernel().name, op.choose(device));
                    json!({ "layer": layer, "kernel": kernel, "variant": choice.variant, "reason": choice.reason })
                });
                json!({ "number": number, "capabilities": device, "variants": variants })
            };
            return output::print_json(&all.map(entry).collect::<Vec<_>>());
        }
        output::print(&all.map(|(number, device)| text(number, device)).collect::<Vec<_>>().join("\n"))
    }
}

fn text(number: usize, device: &Capabilities) -> String {
    let kind = serde_json::to_value(device.kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    let offered = |yes: bool| if yes { "yes" } else { "no" };
    let matrices: Vec<String> = device
        .matrices
        .iter()
        .map(|m| format!("{}x{}x{} {} to {}", m.mnk[0], m.mnk[1], m.mnk[2], m.operands, m.sum))
        .collect();
    let mut text = format!("{number}: {} ({}, {kind})\n", device.name, device.backend);
    let mut line = |name: &str, value: String| text += &format!("   {name:<22}{value}\n");
    line("driver", device.driver.clone());
    line(
        "memory",
        match (device.memory.map(units::bytes), device.free_memory.map(units::bytes)) {
            (None, None) => "the backend does not tell".into(),
            (None, Some(free)) => format!("{free} free"),
            (Some(all), None) => all,
            (Some(all), Some(free)) => format!("{all}, {free} free"),
        },
    );
    line("largest binding", units::bytes(device.max_binding));
    line("largest buffer", units::bytes(device.max_buffer));
    line(
        "workgroups",
        format!(
            "{} invocations, {} of memory, {} per dimension",
            device.max_invocations,
            units::bytes(device.max_workgroup_memory.into()),
            device.max_workgroups
        ),
    );
    // wgpu falls back to a compiler of Windows that knows neither f16 nor subgroups.
    let old_compiler = device.backend == "dx12" && !device.f16;
    let hint = if old_compiler { "; a dxcompiler.dll beside the program may bring it" } else { "" };
    line("f16 in shaders", format!("{}{hint}", offered(device.f16)));
    line("64-bit integers", offered(device.int64).into());
    line(
        "subgroups",
        match device.subgroup {
            None => "no".into(),
            Some([size, largest]) if size == largest => format!("of {size}"),
            Some([smallest, largest]) => format!("of {smallest} to {largest}"),
        },
    );
    line("cooperative matrices", if matrices.is_empty() { "no".into() } else { matrices.join(", ") });
    line("timestamps", offered(device.timestamps).into());
    text += "   variants:\n";
    for (layer, op) in layers(device) {
        let choice = op.choose(device);
        text += &format!("     {layer:<24}{:<12}{}\n", choice.variant, choice.reason);
    }
    text
}

/// Layers of the published model at 512x512, 16 frames, as they would be stored on this device.
fn layers(device: &Capabilities) -> [(&'static str, Box<dyn Op>); 6] {
    let x = if device.f16 { Dtype::F16 } else { Dtype::F32 };
    let gemm = |rows: usize| Gemm { w: Dtype::F16, ..Gemm::plain(rows, 320, 320, x) };
    let (frames, side) = (16, 64);
    let pixels = side * side;
    let square = [side, side];
    [
        ("linear", Box::new(Linear(gemm(frames * pixels)))),
        ("convolution 3x3", Box::new(Conv2d::new(gemm(0), frames, square, square, [3, 3], 1, [1, 1]))),
        ("temporal convolution", Box::new(Conv3d::temporal(gemm(0), [1, frames], square, 3))),
        ("self-attention", Box::new(Attention::rows(frames, 5, 64, pixels, pixels, 1, x))),
        ("temporal attention", Box::new(Attention::frames(1, frames, pixels, 5, 64, x))),
        ("VAE attention", Box::new(Attention::rows(1, 1, 512, pixels, pixels, 1, x))),
    ]
}
