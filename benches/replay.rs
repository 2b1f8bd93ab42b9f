//! What it costs the host to encode and submit one denoising step of the published configuration at 512x512, 16 frames, guidance as one
//! batch. Tiny buffers are bound and no workgroups run, so that any device can do it.
//!
//! `cargo bench --bench replay`

use std::time::{Duration, Instant};

use i2vgen::{
    checkpoint::Configs,
    gpu::{self, Device, Disable},
    graph::{Keep, Program, Rate, Target},
    kernel::Dtype,
    pipeline::{MAX_SECONDS, Networks, Passes, PlanTypes, Plans, Request, Shape},
};

fn main() {
    let configs = Configs::published();
    let request = Request { passes: Passes::One, ..Request::plain() };
    let adapter = gpu::choose(None).expect("a device");
    let device = Device::open(&adapter, Disable::default()).expect("the device opens");
    // The splits of a graphics card.
    let rate = Rate { flops: 20e12, bytes: 500e9 };
    let target = Target::new(device.capabilities().clone(), rate).within(MAX_SECONDS);
    let networks = Networks::new(&configs, request.compat);
    let types = PlanTypes { activation: Dtype::F16, weights: [Dtype::F16; 4] };
    let plans = Plans::new(&networks, Shape::new(&configs, &request), types, &target, Keep::Nothing).expect("the plan");
    let program = Program::hollow(&device, &plans.step.unet).expect("the pipelines compile");
    program.run().expect("the first run");
    let mut times: Vec<Duration> = (0..30)
        .map(|_| {
            let start = Instant::now();
            program.submit();
            let time = start.elapsed();
            device.wait().expect("the device answers");
            time
        })
        .collect();
    times.sort();
    let ms = |t: Duration| t.as_secs_f64() * 1e3;
    println!(
        "{} dispatches in {} submissions: {:.1} ms median, {:.1} ms at the 20 % and {:.1} ms at the 80 % quantile, on {}",
        plans.step.unet.dispatches(),
        program.submissions(),
        ms(times[15]),
        ms(times[6]),
        ms(times[24]),
        device.capabilities().name
    );
}
