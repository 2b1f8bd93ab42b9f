//! Every microbenchmark as text, for tests.

use super::{
    arithmetic, bandwidth, matrix,
    micro::{COPY, MATRIX, MULTIPLY_ADD, Micro, NOTHING, READ},
};
use crate::kernel::{Defines, SourceError};

/// A microbenchmark as a device would get it: for tests that translate it for every backend.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its name and setting.
    pub name: String,
    /// Its WGSL.
    pub wgsl: String,
    /// Rows of its cooperative matrices, if it has some: 8 or 16.
    pub matrix: Option<u32>,
}

/// Every microbenchmark in settings that differ in more than numbers.
pub fn microbenchmarks() -> Result<Vec<Sample>, SourceError> {
    let plain = |micro: &Micro, name: &str, defines: &Defines| {
        Ok(Sample { name: name.into(), wgsl: micro.wgsl(defines)?, matrix: None })
    };
    let mut all = vec![plain(&NOTHING, "nothing", &Defines::new())?];
    for wide in [false, true] {
        let memory = bandwidth::Setting { threads: 64, vectors: 4, span: 1, wide }.defines();
        let name = |access: &str| format!("{access}{}", if wide { " of 64-bit integers" } else { "" });
        all.push(plain(&COPY, &name("copy"), &memory)?);
        all.push(plain(&READ, &name("read"), &memory)?);
    }
    for dtype in ["f32", "f16"] {
        let setting = arithmetic::Setting { threads: 64, chains: 4 };
        all.push(plain(&MULTIPLY_ADD, &format!("multiply_add {dtype}"), &setting.defines(dtype))?);
    }
    for (size, operands, sum) in
        [(8, "f32", "f32"), (8, "f16", "f32"), (8, "f16", "f16"), (16, "f16", "f32"), (16, "f16", "f16")]
    {
        let defines = matrix::defines(size, [operands, sum], 64, 4);
        let name = format!("matrix {size} {operands} to {sum}");
        all.push(Sample { name, wgsl: MATRIX.wgsl(&defines)?, matrix: Some(size) });
    }
    Ok(all)
}
