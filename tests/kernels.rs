//! Every case of every kernel, on the adapter at hand, against its CPU twin.

use i2vgen::{gpu, kernel, lab};

#[test]
fn kernels_agree_with_their_twins() {
    let adapter = gpu::choose(std::env::var("I2VGEN_DEVICE").ok().as_deref()).expect("a device");
    let device = gpu::Device::open(&adapter, gpu::Disable::default()).expect("the device opens");
    let mut failed = Vec::new();
    for case in kernel::cases() {
        if case
            .op
            .bindings()
            .iter()
            .any(|b| b.dtype == kernel::Dtype::F16 && !matches!(b.role, kernel::Role::Weight(_)))
            && !device.capabilities().f16
        {
            continue;
        }
        match lab::check(&device, &case) {
            Ok(r) => {
                println!(
                    "{:<22} {:<44} {:<10} worst {:.1e} rms {:.1e} pieces {:>2}{}",
                    r.kernel,
                    r.case,
                    r.variant,
                    r.worst,
                    r.rms,
                    r.pieces,
                    if r.passed() { "" } else { "  FAILED" }
                );
                if !r.passed() {
                    failed.push(format!("{r:?}"));
                }
            }
            Err(e) => failed.push(format!("{} {}: {e}", case.op.kernel().name, case.name)),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
