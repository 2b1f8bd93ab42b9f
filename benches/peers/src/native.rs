//! What the CPU itself can do: the matrix product of the crate `gemm` on all its threads.

use gemm::Parallelism;

use crate::{Error, contest::Contestant, problem::Problem};

/// A matrix product on the host.
pub struct Native {
    /// Rows, inner size and columns.
    size: [usize; 3],
    x: Vec<f32>,
    w: Vec<f32>,
    y: Vec<f32>,
    threads: usize,
}

impl Native {
    /// Of other problems than matrix products there is none.
    pub fn new(problem: &Problem, others: &[Vec<f32>], threads: usize) -> Option<Self> {
        let Problem::Matmul { rows, inner, columns } = *problem else { return None };
        let (x, y) = (vec![0.0; rows * inner], vec![0.0; rows * columns]);
        Some(Self { size: [rows, inner, columns], x, w: others[0].clone(), y, threads })
    }
}

impl Contestant for Native {
    fn name(&self) -> &'static str {
        "gemm on the CPU"
    }

    fn load(&mut self, first: &[f32]) -> Result<(), Error> {
        self.x.copy_from_slice(first);
        Ok(())
    }

    fn run(&mut self, runs: usize) -> Result<(), Error> {
        let [rows, inner, columns] = self.size;
        let [row_of_x, row_of_w, row_of_y] = [inner, inner, columns].map(usize::cast_signed);
        for _ in 0..runs {
            // SAFETY: x is `[rows, inner]`, w `[columns, inner]` and y `[rows, columns]`, all row by row, as their lengths in `new` and
            // `others` say; y overlaps neither. Strides are those of columns and rows, of w those of its transpose.
            unsafe {
                gemm::gemm(
                    rows,
                    columns,
                    inner,
                    self.y.as_mut_ptr(),
                    1,
                    row_of_y,
                    false,
                    self.x.as_ptr(),
                    1,
                    row_of_x,
                    self.w.as_ptr(),
                    row_of_w,
                    1,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    Parallelism::Rayon(self.threads),
                );
            }
        }
        Ok(())
    }

    fn output(&mut self) -> Result<Vec<f32>, Error> {
        Ok(self.y.clone())
    }
}
