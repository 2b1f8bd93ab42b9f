//! The kernels: against their CPU twins, on the interpreter, for every backend, and broken on purpose.

mod microbenchmarks;
mod mutants;
mod sanitize;
mod shaders;
mod twins;
