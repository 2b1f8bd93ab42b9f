//! The microbenchmarks' WGSL: `kernels/lab/`, one file each.

use crate::kernel::{Define, Defines, SourceError, specialise};

/// A microbenchmark before it is specialised.
#[derive(Debug)]
pub(super) struct Micro {
    /// The name of its file.
    pub name: &'static str,
    text: &'static str,
    /// For each storage binding, whether it is only read.
    pub read_only: &'static [bool],
}

macro_rules! micro {
    ($constant:ident, $name:literal, $read_only:expr) => {
        pub(super) static $constant: Micro = Micro {
            name: $name,
            text: include_str!(concat!("../../../kernels/lab/", $name, ".wgsl")),
            read_only: &$read_only,
        };
    };
}

micro!(COPY, "copy", [true, false]);
micro!(READ, "read", [true, false]);
micro!(MULTIPLY_ADD, "multiply_add", [false]);
micro!(MATRIX, "matrix", [true, true, true, false, false]);
micro!(NOTHING, "nothing", [false]);

impl Micro {
    /// Its WGSL in one setting.
    pub fn wgsl(&self, defines: &Defines) -> Result<String, SourceError> {
        specialise(self.name, self.text, defines)
    }
}

/// Defines from pairs.
pub(super) fn defines<const N: usize>(pairs: [(&'static str, Define); N]) -> Defines {
    pairs.into_iter().collect()
}
