//! However the UNet is recorded it computes the same: for a device with small bindings, and for several clips side by side.

use std::path::Path;

use i2vgen::{
    checkpoint::{Checkpoint, ComponentKind},
    gpu::{self, Device, Disable},
    graph::{Bindings, Graph, Keep, Params, Plan, Program, Rate, Target, Types, WeightStore},
    kernel::Dtype,
    model::{Condition, Depth, UNet},
    pipeline::Source,
};

type Record = fn(&UNet, &mut Graph, &Condition) -> Result<(), i2vgen::graph::Error>;

/// One UNet call on made-up inputs for so many clips, recorded for bindings of at most `max_binding` bytes; its output and its number of
/// operations. The context of the first clip is the same for any number of them.
fn call(device: &Device, checkpoint: &Checkpoint, batch: usize, max_binding: u64) -> (Vec<f32>, usize) {
    let (frames, height, width) = (4, 8, 8);
    let text_tokens = checkpoint.configs().tokenizer_length;
    let condition = Condition { batch, frames, height, width, text_tokens, image_branch_scale: 1.0 };
    let unet = UNet::new(&checkpoint.configs().unet, &Params::new());
    let types = Types { activation: Dtype::F32, weight: Dtype::F32 };
    let target = Target::new(device.capabilities().clone(), Rate::default());
    let mut weights = WeightStore::default();
    let mut bindings = Bindings::new();
    let mut operations = 0;
    for record in [UNet::record_conditions as Record, |unet, g, c| unet.record(g, c, Depth::Whole)] {
        let mut graph = Graph::new(types).with_max_binding(max_binding);
        record(&unet, &mut graph, &condition).expect("the network records");
        operations += graph.len();
        let plan = Plan::new(&graph, &target, Keep::Nothing).expect("the plan");
        weights
            .load(device, &plan.weights, &Source(checkpoint.component(ComponentKind::UNet).as_ref()))
            .expect("the weights");
        for external in plan.externals.iter().filter(|e| !e.written) {
            bindings.entry(external.name.clone()).or_insert_with(|| {
                let values: Vec<f32> =
                    (0..external.elements).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).collect();
                let buffer = device.buffer(&external.name, external.bytes()).expect("a buffer");
                device.write(&buffer, 0, bytemuck::cast_slice(&values));
                buffer
            });
        }
        Program::new(device, &plan, &weights, &mut bindings).expect("the program").run().expect("the run");
    }
    let bytes = device.read(&bindings["prediction"], 0, (batch * frames * height * width * 4 * 4) as u64);
    (bytemuck::pod_collect_to_vec(&bytes.expect("the output")), operations)
}

fn open() -> (Checkpoint, Device) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/guided-square/model");
    let checkpoint = Checkpoint::open(&dir).expect("the checkpoint opens");
    let adapter = gpu::choose(std::env::var("I2VGEN_DEVICE").ok().as_deref()).expect("a device");
    (checkpoint, Device::open(&adapter, Disable::default()).expect("the device opens"))
}

/// The worst difference, relative to the rms of what is right.
fn distance(right: &[f32], found: &[f32]) -> f32 {
    assert_eq!(right.len(), found.len());
    let rms = (right.iter().map(|v| v * v).sum::<f32>() / right.len() as f32).sqrt();
    assert!(rms > 0.01, "nothing came out");
    right.iter().zip(found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / rms
}

#[test]
fn temporal_attention_by_groups_of_heads_computes_the_same() {
    let (checkpoint, device) = open();
    let (whole, operations) = call(&device, &checkpoint, 2, u64::MAX);
    let (parts, more) = call(&device, &checkpoint, 2, 12 << 10);
    assert!(more > operations, "nothing was done in groups: {more} operations");
    // Only the order of sums differs: 4e-6 on a CPU driver, and the network multiplies rounding by ten or so.
    let worst = distance(&whole, &parts);
    assert!(worst < 2e-4, "worst difference {worst} of the rms");
}

/// What clips share is computed once, and none of them notices.
#[test]
fn each_clip_of_a_batch_is_what_it_is_alone() {
    let (checkpoint, device) = open();
    let (alone, _) = call(&device, &checkpoint, 1, u64::MAX);
    let (three, _) = call(&device, &checkpoint, 3, u64::MAX);
    let clips: Vec<&[f32]> = three.chunks_exact(alone.len()).collect();
    assert_eq!(clips.len(), 3);
    // The same sums, perhaps in tiles of another size.
    assert!(distance(&alone, clips[0]) < 2e-5, "{}", distance(&alone, clips[0]));
    for (clip, other) in [(0, 1), (0, 2), (1, 2)] {
        let apart = distance(clips[clip], clips[other]);
        assert!(apart > 1e-3, "{clip} and {other} have contexts of their own: {apart}");
    }
}
