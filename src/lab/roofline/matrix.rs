//! How many operations a second cooperative matrices in registers allow.

use half::f16;

use super::{
    bench::{Bench, Measurement, Trial, fastest},
    error::Error,
    micro::{self, MATRIX},
};
use crate::{
    gpu::{Device, MatrixShape},
    kernel::Defines,
};

/// Different left operands: an even number.
const STEPS: u32 = 4;

/// The defines of square matrices with operands and sums of these types.
pub(super) fn defines(size: u32, [operands, sum]: [&'static str; 2], threads: u32, chains: u32) -> Defines {
    micro::defines([
        ("SIZE", size.into()),
        ("OPERANDS", operands.into()),
        ("SUM", sum.into()),
        ("THREADS", threads.into()),
        ("CHAINS", chains.into()),
        ("STEPS", STEPS.into()),
    ])
}

/// Types that WGSL has for cooperative matrices.
fn wgsl(dtype: &str) -> Option<&'static str> {
    ["f16", "f32"].into_iter().find(|known| *known == dtype)
}

/// A shape as people write it.
pub fn name(shape: &MatrixShape) -> String {
    let [m, n, k] = shape.mnk;
    format!("{m}x{n}x{k} {} to {}", shape.operands, shape.sum)
}

/// Operations per second of one shape, two per multiply-add; or why it was not measured.
pub(super) fn measure(device: &Device, shape: &MatrixShape, idle: f64) -> Result<Result<Measurement, String>, Error> {
    let [size, n, k] = shape.mnk;
    let types = wgsl(&shape.operands).zip(wgsl(&shape.sum));
    let (Some((operands, sum)), true) = (types, n == size && k == size && [8, 16].contains(&size)) else {
        return Ok(Err("WGSL has only 8x8x8 and 16x16x16, of f16 and f32".into()));
    };
    let Some([smallest, largest]) = device.capabilities().subgroup else {
        return Ok(Err("without subgroup operations nothing tells how many matrices a workgroup holds".into()));
    };
    let groups = if device.capabilities().is_cpu() { 64 } else { 4096 };
    let mut trials = Vec::new();
    for chains in [4, 8] {
        for subgroups in [1, 4] {
            let job = Job { size, types: [operands, sum], threads: largest * subgroups, smallest, chains, groups };
            match job.trial(device) {
                Ok((name, bench, work)) => trials.push(Ok((name, bench.idle(idle), work))),
                // One setting may need too many registers; a driver that refuses all of them is told about.
                Err(error) => trials.push(Err(error)),
            }
        }
    }
    // Matrices that are wrong in one setting are no ceiling in another; everything else of the device still counts.
    if let Some(wrong) =
        trials.iter().filter_map(|trial| trial.as_ref().err()).find(|e| matches!(e, Error::Wrong { .. }))
    {
        return Ok(Err(wrong.to_string()));
    }
    if trials.iter().all(Result::is_err) {
        return Ok(Err(trials.into_iter().find_map(Result::err).map_or_else(String::new, |e| e.to_string())));
    }
    let trials = trials.into_iter().filter_map(Result::ok).collect();
    let measured = fastest(format!("matrix {}", name(shape)), trials)?;
    Ok(measured.ok_or_else(|| "no setting ran".into()))
}

struct Job {
    size: u32,
    types: [&'static str; 2],
    threads: u32,
    smallest: u32,
    chains: u32,
    groups: usize,
}

impl Job {
    fn trial(&self, device: &Device) -> Result<Trial<'static>, Error> {
        let Self { size, types: [operands, sum], threads, chains, groups, .. } = *self;
        let matrices = Matrices::new(size as usize);
        let upload = |what: &str, dtype: &str, values: &[f32]| {
            let bytes = bytes(dtype, values);
            let buffer = device.buffer(what, bytes.len() as u64)?;
            device.write(&buffer, 0, &bytes);
            Ok::<_, Error>(buffer)
        };
        let a = upload("matrices", operands, &(0..STEPS).flat_map(|step| matrices.a(step)).collect::<Vec<_>>())?;
        let b = upload("matrices", operands, &(0..chains).flat_map(|chain| matrices.b(chain)).collect::<Vec<_>>())?;
        let c = upload("matrices", sum, &matrices.c())?;
        // As many subgroups as there can be.
        let most = (threads / self.smallest).max(1);
        let tile = (size * size) as usize;
        let y = upload("sums of matrices", sum, &vec![0.0; groups * most as usize * tile])?;
        let count = upload("a count", "f32", &[0.0])?;
        let mut bench = Bench::new(
            device,
            &MATRIX,
            &defines(size, self.types, threads, chains),
            &[most],
            &[&a, &b, &c, &y, &count],
            groups,
        )?;
        bench.seconds(1)?;
        let ran = device.read(&count, 0, 4)?;
        let subgroups = u32::from_le_bytes(ran.try_into().unwrap_or_default());
        let expected = bytes(sum, &matrices.after_a_step(chains));
        let found = device.read(&y, 0, expected.len() as u64)?;
        if subgroups == 0 || found != expected {
            return Err(Error::Wrong { what: MATRIX.name });
        }
        let work = move |rounds: u32| {
            let steps = f64::from(rounds) * f64::from(STEPS) + 1.0;
            2.0 * f64::from(size).powi(3) * f64::from(chains) * steps * f64::from(subgroups)
        };
        Ok((format!("{threads} threads, {chains} chains"), bench, Box::new(work)))
    }
}

fn bytes(dtype: &str, values: &[f32]) -> Vec<u8> {
    match dtype {
        "f16" => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        _ => bytemuck::cast_slice(values).to_vec(),
    }
}

/// Small multiples of an eighth, whose products and sums are exact in f16.
struct Matrices(usize);

impl Matrices {
    fn new(size: usize) -> Self {
        Self(size)
    }

    /// Values that go round in rows and columns.
    fn values(&self, [row, column, first, modulus]: [usize; 4]) -> impl Iterator<Item = f32> {
        let size = self.0;
        (0..size * size).map(move |i| ((i / size * row + i % size * column + first) % modulus) as f32 / 8.0)
    }

    fn a(&self, step: u32) -> Vec<f32> {
        let sign = if step % 2 == 1 { -1.0 } else { 1.0 };
        self.values([3, 5, step as usize / 2, 4]).map(|v| sign * v).collect()
    }

    fn b(&self, chain: u32) -> Vec<f32> {
        self.values([2, 7, chain as usize, 3]).collect()
    }

    fn c(&self) -> Vec<f32> {
        self.values([1, 1, 0, 3]).collect()
    }

    /// The sum over chains of `c + a[0] b[chain]`: the steps of a round cancel, the last one stays.
    fn after_a_step(&self, chains: u32) -> Vec<f32> {
        let (size, a, c) = (self.0, self.a(0), self.c());
        let mut sums = vec![0.0; size * size];
        for chain in 0..chains {
            let b = self.b(chain);
            for (at, sum) in sums.iter_mut().enumerate() {
                let product = |k: usize| a[at / size * size + k] * b[k * size + at % size];
                *sum += c[at] + (0..size).map(product).sum::<f32>();
            }
        }
        sums
    }
}
