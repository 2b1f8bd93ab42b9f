//! How fast memory is read and copied, from what fits in the caches to what is far beyond them.

use super::{
    bench::{Bench, Measurement, Trial, fastest},
    error::Error,
    micro::{self, COPY, Micro, READ},
};
use crate::{
    gpu::{Buffer, Device},
    kernel::Defines,
    lab::ceilings::{Access, Traffic},
};

/// How a copy is divided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// Threads of a workgroup.
    pub threads: u32,
    /// vec4s that a thread loads before it uses them.
    pub vectors: u32,
    /// Times that a workgroup goes on behind what it has read.
    pub span: u32,
}

impl Setting {
    pub fn defines(self) -> Defines {
        micro::defines([("THREADS", self.threads.into()), ("VECTORS", self.vectors.into())])
    }

    /// vec4s of a workgroup.
    fn workgroup(self) -> usize {
        (self.threads * self.vectors * self.span) as usize
    }
}

/// Bytes of a vec4<f32>.
const VEC4: usize = 16;
/// Bytes of what is written into buffers again and again.
const BLOCK: usize = 4 << 20;
/// Largest buffer.
const LARGEST: u64 = 512 << 20;

/// Sizes of one buffer in bytes, all powers of two; the last one is far beyond the caches, unless the device's limits are small.
fn sizes(device: &Device) -> Vec<usize> {
    let capabilities = device.capabilities();
    // A quarter of the memory for both buffers; what software drivers tell of it is not what they have.
    let memory = capabilities.memory.filter(|_| !capabilities.is_cpu()).map_or(LARGEST, |memory| memory / 8);
    let limit = LARGEST.min(memory).min(capabilities.max_binding).min(capabilities.max_buffer).max(256 << 10);
    let largest = 1usize << limit.ilog2();
    let mut sizes: Vec<usize> = [512 << 10, 4 << 20, 32 << 20].into_iter().filter(|&size| size < largest).collect();
    sizes.push(largest);
    sizes
}

/// Copies and reads at all sizes; each measurement with the bytes that it touches.
pub(super) fn measure(device: &Device, idle: f64) -> Result<Vec<(Traffic, Measurement)>, Error> {
    let sizes = sizes(device);
    let largest = sizes.last().copied().unwrap_or(BLOCK);
    let block = block(largest);
    let [x, y] = ["the source of copies", "their target"].map(|what| device.buffer(what, largest as u64));
    let (x, y) = (x?, y?);
    for offset in (0..largest).step_by(block.len() * 4) {
        device.write(&x, offset as u64, bytemuck::cast_slice(&block));
        if offset % (64 << 20) == 0 {
            device.flush()?;
        }
    }
    device.flush()?;
    let mut all = Vec::new();
    for (access, micro) in [(Access::Copy, &COPY), (Access::Read, &READ)] {
        for &size in &sizes {
            let settings: &[Setting] = match (device.capabilities().is_cpu(), size == largest) {
                (true, _) => &[
                    Setting { threads: 8, vectors: 4, span: 16 },
                    Setting { threads: 64, vectors: 4, span: 4 },
                    Setting { threads: 8, vectors: 16, span: 32 },
                ],
                (false, true) => &[
                    Setting { threads: 256, vectors: 1, span: 1 },
                    Setting { threads: 64, vectors: 4, span: 1 },
                    Setting { threads: 256, vectors: 4, span: 1 },
                    Setting { threads: 256, vectors: 4, span: 8 },
                ],
                (false, false) => {
                    &[Setting { threads: 256, vectors: 1, span: 1 }, Setting { threads: 256, vectors: 4, span: 1 }]
                }
            };
            let way = Way { device, micro, access, block: &block, size, idle };
            let trials = settings.iter().map(|&setting| way.trial(setting, &x, &y)).collect::<Result<Vec<_>, _>>()?;
            let (name, bytes) =
                (format!("{access} of {} MiB", way.touched() as f64 / f64::from(1 << 20)), way.touched());
            if let Some(measured) = fastest(name, trials.into_iter().map(Ok).collect())? {
                all.push((Traffic { access, bytes, rate: measured.best }, measured));
            }
        }
    }
    Ok(all)
}

/// Values from 1 to 2, so that sums neither overflow nor vanish, that no memory can compress: a step of the golden ratio, modulo 1.
fn block(largest: usize) -> Vec<f32> {
    let golden = |i: u64| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f32 / (1u64 << 24) as f32;
    (0..(BLOCK.min(largest) / 4) as u64).map(|i| 1.0 + golden(i)).collect()
}

/// One kind of access at one size.
struct Way<'a> {
    device: &'a Device,
    micro: &'static Micro,
    access: Access,
    block: &'a [f32],
    size: usize,
    idle: f64,
}

impl<'a> Way<'a> {
    /// Different bytes that are read and written.
    fn touched(&self) -> u64 {
        self.size as u64 * if self.access == Access::Copy { 2 } else { 1 }
    }

    /// A setting that was seen to do what it says.
    fn trial(&self, setting: Setting, x: &Buffer, y: &Buffer) -> Result<Trial<'a>, Error> {
        let vectors = self.size / VEC4;
        let words = [vectors as u32, setting.workgroup() as u32];
        let groups = vectors / setting.workgroup();
        let mut bench =
            Bench::new(self.device, self.micro, &setting.defines(), &words, &[x, y], groups)?.idle(self.idle);
        bench.seconds(2)?;
        self.check(setting, y)?;
        let Setting { threads, vectors, span } = setting;
        let (name, touched) = (format!("{threads} threads, {vectors} x {span} vec4 each"), self.touched() as f64);
        Ok((name, bench, Box::new(move |rounds| f64::from(rounds) * touched)))
    }

    /// Compares some values after two rounds with what they must be.
    fn check(&self, setting: Setting, y: &Buffer) -> Result<(), Error> {
        let flip = 1024 & (self.size / VEC4 - 1);
        let value = |vector: usize, lane: usize| self.block[(vector * 4 + lane) % self.block.len()];
        let right = match self.access {
            Access::Copy => {
                [0, self.size / VEC4 / 3, self.size / VEC4 - 1].into_iter().try_fold(true, |right, at| {
                    let found = self.device.read(y, (at * VEC4) as u64, VEC4 as u64)?;
                    let expected: Vec<f32> = (0..4).map(|lane| value(at ^ flip, lane)).collect();
                    Ok::<_, Error>(right && found == bytemuck::cast_slice::<f32, u8>(&expected))
                })?
            }
            Access::Read => {
                let found: Vec<f32> = bytemuck::pod_collect_to_vec(&self.device.read(y, 0, 4)?);
                let own = (0..setting.workgroup()).step_by(setting.threads as usize);
                let sum = |flip: usize| {
                    let lanes = |at: usize| (0..4).map(|lane| f64::from(value(at ^ flip, lane))).sum::<f64>();
                    own.clone().map(lanes).sum::<f64>()
                };
                let expected = sum(0) + sum(flip);
                found.first().is_some_and(|&found| (f64::from(found) - expected).abs() <= 1e-4 * expected)
            }
        };
        if right { Ok(()) } else { Err(Error::Wrong { what: self.micro.name }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_differ_and_stay_between_one_and_two() {
        let block = block(1 << 20);
        assert_eq!(block.len(), 1 << 18);
        assert!(block.iter().all(|v| (1.0..2.0).contains(v)));
        assert!(block.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
