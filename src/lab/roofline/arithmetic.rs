//! How many multiply-adds a second registers allow.

use super::{
    bench::{Bench, Measurement, Trial, fastest},
    error::Error,
    micro::{self, MULTIPLY_ADD},
};
use crate::{
    gpu::{Buffer, Device},
    kernel::Defines,
};

/// How the work is divided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// Threads of a workgroup.
    pub threads: u32,
    /// Chains of a thread, each a vec4.
    pub chains: u32,
}

/// Vector multiply-adds of a thread without a loop: their code still fits the instruction caches.
const UNROLLED: u32 = 256;

impl Setting {
    fn steps(self) -> u32 {
        UNROLLED / self.chains
    }

    pub fn defines(self, dtype: &'static str) -> Defines {
        micro::defines([
            ("THREADS", self.threads.into()),
            ("CHAINS", self.chains.into()),
            ("STEPS", self.steps().into()),
            ("T", dtype.into()),
        ])
    }
}

/// Operations per second of vec4s of `dtype`, two per multiply-add.
pub(super) fn measure(device: &Device, dtype: &'static str, idle: f64) -> Result<Option<Measurement>, Error> {
    let cpu = device.capabilities().is_cpu();
    // Enough for every lane of the largest cards; few enough that one round of a software driver is short.
    let threads = if cpu { 4096 } else { 1 << 20 };
    let y = device.buffer("sums", threads as u64 * 4)?;
    let workgroups: &[u32] = if cpu { &[8, 64] } else { &[64, 256] };
    let chains = [2, 4, 8];
    let settings = workgroups.iter().flat_map(|&threads| chains.map(|chains| Setting { threads, chains }));
    let trials =
        settings.map(|setting| trial(device, dtype, setting, threads, &y).map(|(n, b, w)| (n, b.idle(idle), w)));
    let trials = trials.collect::<Result<Vec<_>, _>>()?;
    Ok(fastest(format!("{dtype} multiply-add"), trials)?)
}

/// The parameters of the kernel: each step takes `a` to `TERM - a`.
const TERM: f32 = 1.5;

fn trial(
    device: &Device,
    dtype: &'static str,
    setting: Setting,
    threads: usize,
    y: &Buffer,
) -> Result<Trial<'static>, Error> {
    let words = [threads as u32, (-1.0f32).to_bits(), TERM.to_bits()];
    let groups = threads / setting.threads as usize;
    let mut bench = Bench::new(device, &MULTIPLY_ADD, &setting.defines(dtype), &words, &[y], groups)?;
    for rounds in [1, 2] {
        bench.seconds(rounds)?;
        let found: Vec<f32> = bytemuck::pod_collect_to_vec(&device.read(y, 0, 4 * threads as u64)?);
        if !found.iter().enumerate().all(|(i, &sum)| sum == expected(setting, i, rounds)) {
            return Err(Error::Wrong { what: MULTIPLY_ADD.name });
        }
    }
    let work = move |rounds: u32| {
        let steps = f64::from(rounds) * f64::from(setting.steps()) + 1.0;
        8.0 * f64::from(setting.chains) * steps * threads as f64
    };
    Ok((format!("{} threads, {} chains of vec4", setting.threads, setting.chains), bench, Box::new(work)))
}

/// What thread `i` stores: every step takes a value to the term less the value.
fn expected(setting: Setting, i: usize, rounds: u32) -> f32 {
    let odd = (rounds * setting.steps() + 1) % 2 == 1;
    let after = |value: f32| if odd { TERM - value } else { value };
    (0..setting.chains).map(|chain| [0.25, 0.5, (i % 4) as f32, chain as f32].map(after).iter().sum::<f32>()).sum()
}
