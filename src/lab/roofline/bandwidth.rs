//! How fast memory is read and copied, from what fits in the caches to what is far beyond them.

use super::{
    bench::{Bench, Measurement, Trial, fastest},
    error::Error,
    micro::{self, COPY, Micro, READ},
};
use crate::{
    gpu::{Buffer, Capabilities, Device},
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
    /// Vectors of 64-bit integers in place of f32s.
    pub wide: bool,
}

impl Setting {
    pub fn defines(self) -> Defines {
        let element = if self.wide { "u64" } else { "f32" };
        micro::defines([("THREADS", self.threads.into()), ("VECTORS", self.vectors.into()), ("T", element.into())])
    }

    /// Bytes of a vec4.
    fn vector(self) -> usize {
        if self.wide { 32 } else { 16 }
    }

    /// vec4s of a workgroup.
    fn workgroup(self) -> usize {
        (self.threads * self.vectors * self.span) as usize
    }
}

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

/// What is tried; more where the caches do not help.
fn settings(device: &Capabilities, far: bool) -> Vec<Setting> {
    let setting = |threads, vectors, span| Setting { threads, vectors, span, wide: false };
    match (device.is_cpu(), far) {
        (true, _) => {
            let narrow = [setting(8, 4, 16), setting(64, 4, 4), setting(8, 16, 32)];
            let wide = narrow.map(|setting| Setting { wide: true, ..setting });
            narrow.into_iter().chain(wide).filter(|setting| !setting.wide || device.int64).collect()
        }
        (false, true) => vec![setting(256, 1, 1), setting(64, 4, 1), setting(256, 4, 1), setting(256, 4, 8)],
        (false, false) => vec![setting(256, 1, 1), setting(256, 4, 1)],
    }
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
            let way = Way { device, micro, access, block: &block, size, idle };
            let trials = settings(device.capabilities(), size == largest).into_iter();
            let trials = trials.map(|setting| way.trial(setting, &x, &y)).collect::<Result<Vec<_>, _>>()?;
            let (name, bytes) =
                (format!("{access} of {} MiB", way.touched() as f64 / f64::from(1 << 20)), way.touched());
            if let Some(measured) = fastest(name, trials)? {
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
        let vectors = self.size / setting.vector();
        let words = [vectors as u32, setting.workgroup() as u32];
        let groups = vectors / setting.workgroup();
        let mut bench =
            Bench::new(self.device, self.micro, &setting.defines(), &words, &[x, y], groups)?.idle(self.idle);
        bench.seconds(2)?;
        self.check(setting, y)?;
        let Setting { threads, vectors, span, wide } = setting;
        let element = if wide { "vec4<u64>" } else { "vec4" };
        let (name, touched) = (format!("{threads} threads, {vectors} x {span} {element} each"), self.touched() as f64);
        Ok((name, bench, Box::new(move |rounds| f64::from(rounds) * touched)))
    }

    /// Compares some values after two rounds with what they must be.
    fn check(&self, setting: Setting, y: &Buffer) -> Result<(), Error> {
        let bytes = setting.vector();
        let last = self.size / bytes - 1;
        // As in `kernels/lab/copy.wgsl`, of round 1.
        let (near, far) = (1024 & last, 0x9e37_79b1 & last & !1023);
        let words = bytes / 4;
        let vector = |at: usize| -> Vec<f32> {
            (0..words).map(|word| self.block[(at * words + word) % self.block.len()]).collect()
        };
        let right = match self.access {
            Access::Copy => [0, last / 3, last].into_iter().try_fold(true, |right, at| {
                let found = self.device.read(y, (at * bytes) as u64, bytes as u64)?;
                Ok::<_, Error>(right && found == bytemuck::cast_slice::<f32, u8>(&vector(at ^ near)))
            })?,
            Access::Read => {
                let found = self.device.read(y, 0, bytes as u64 / 4)?;
                let own = (0..setting.workgroup()).step_by(setting.threads as usize);
                let read = own.flat_map(|at| [at, at ^ far]).flat_map(vector).collect::<Vec<f32>>();
                is_sum(&found, &read)
            }
        };
        if right { Ok(()) } else { Err(Error::Wrong { what: self.micro.name }) }
    }
}

/// Is this an f32 that is about the sum of these values, or a u64 that is the sum of their bits, two values each?
fn is_sum(found: &[u8], values: &[f32]) -> bool {
    if let Ok(found) = found.try_into().map(f32::from_le_bytes) {
        let expected: f64 = values.iter().map(|&value| f64::from(value)).sum();
        return (f64::from(found) - expected).abs() <= 1e-4 * expected;
    }
    let pairs =
        values.as_chunks().0.iter().map(|&[low, high]| u64::from(low.to_bits()) | u64::from(high.to_bits()) << 32);
    found.try_into().is_ok_and(|found| u64::from_le_bytes(found) == pairs.fold(0, u64::wrapping_add))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_one_of_values_or_of_bits() {
        let values = [1.25f32, 1.5, 1.75, 1.0];
        assert!(is_sum(&5.5f32.to_le_bytes(), &values) && !is_sum(&5.6f32.to_le_bytes(), &values));
        let word = |low: f32, high: f32| u64::from(low.to_bits()) + (u64::from(high.to_bits()) << 32);
        let sum = word(1.25, 1.5).wrapping_add(word(1.75, 1.0));
        assert!(is_sum(&sum.to_le_bytes(), &values) && !is_sum(&(sum + 1).to_le_bytes(), &values));
    }

    #[test]
    fn values_differ_and_stay_between_one_and_two() {
        let block = block(1 << 20);
        assert_eq!(block.len(), 1 << 18);
        assert!(block.iter().all(|v| (1.0..2.0).contains(v)));
        assert!(block.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
