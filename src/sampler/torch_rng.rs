//! The float32 normal numbers of PyTorch's CPU generator.
//!
//! Source: PyTorch's `at::mt19937`, `at::normal_distribution<double>` and the CPU `normal_fill`; Matsumoto and
//! Nishimura, *Mersenne Twister*, 1998; Box and Muller, 1958.

use std::f64::consts::TAU;

use rand_mt::Mt;

/// Numbers that are drawn and transformed together: 8 radii, then 8 angles.
const BLOCK: usize = 16;

/// `torch.Generator().manual_seed(seed)` on the CPU, for `torch.randn` in float32.
///
/// Values agree with PyTorch within 4e-6: its vectorised and its plain code differ by half of that. The logarithm, sine
/// and cosine are evaluated in float64 here, so that systems with different mathematics libraries draw the same numbers.
#[derive(Debug, Clone)]
pub struct TorchGenerator {
    engine: Mt,
    /// The second normal of the last scalar pair. As in PyTorch it waits until the next call for fewer than 16.
    spare: Option<f64>,
}

impl TorchGenerator {
    /// Seeds the generator. PyTorch uses the low 32 bits of the seed only.
    pub fn new(seed: u64) -> Self {
        Self { engine: Mt::new(seed as u32), spare: None }
    }

    /// `torch.randn(n)`: `n` standard normal numbers.
    ///
    /// From 16 on they come in blocks; an incomplete last block is made complete by drawing the last 16 numbers anew.
    /// Fewer than 16 are drawn one by one from 53-bit uniforms, in pairs.
    pub fn randn(&mut self, n: usize) -> Vec<f32> {
        if n < BLOCK {
            return (0..n).map(|_| self.scalar() as f32).collect();
        }
        let mut values: Vec<f32> = (0..n).map(|_| self.uniform()).collect();
        let (blocks, tail) = values.as_chunks_mut::<BLOCK>();
        blocks.iter_mut().for_each(box_muller);
        if !tail.is_empty()
            && let Some(last) = values.last_chunk_mut::<BLOCK>()
        {
            last.fill_with(|| self.uniform());
            box_muller(last);
        }
        values
    }

    /// A multiple of 2⁻²⁴ in [0, 1).
    fn uniform(&mut self) -> f32 {
        (self.engine.next_u32() & 0x00ff_ffff) as f32 / 16_777_216.0
    }

    /// A multiple of 2⁻⁵³ in [0, 1); the first word drawn is the high one.
    fn uniform_double(&mut self) -> f64 {
        let high = u64::from(self.engine.next_u32());
        let word = high << 32 | u64::from(self.engine.next_u32());
        (word & ((1 << 53) - 1)) as f64 / 9_007_199_254_740_992.0
    }

    /// One normal number: the spare one, or the cosine half of a new pair.
    fn scalar(&mut self) -> f64 {
        if let Some(value) = self.spare.take() {
            return value;
        }
        let angle = TAU * self.uniform_double();
        let radius = (-2.0 * (-self.uniform_double()).ln_1p()).sqrt();
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }
}

/// Turns 16 uniform numbers into normal ones: number i < 8 gives the radius, number i + 8 the angle of both.
fn box_muller(block: &mut [f32; BLOCK]) {
    let (cosines, sines) = block.split_at_mut(BLOCK / 2);
    for (c, s) in cosines.iter_mut().zip(sines) {
        let radius = (-2.0 * f64::from(1.0 - *c).ln()).sqrt();
        // The angle is rounded to float32 as in PyTorch.
        let angle = f64::from(TAU as f32 * *s);
        *c = (radius * angle.cos()) as f32;
        *s = (radius * angle.sin()) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(got: &[f32], want: &[f32]) {
        assert_eq!(got.len(), want.len());
        for (g, w) in got.iter().zip(want) {
            assert!((g - w).abs() < 4e-6, "{got:?}\n{want:?}");
        }
    }

    /// `torch.randn` of 1, 5, 16, 17 and 2 numbers from one generator: scalar, scalar with a spare number, one block,
    /// a block with a tail, and the spare number that waited since the second call.
    #[test]
    fn a_sequence_of_calls_equals_torch() {
        let mut g = TorchGenerator::new(0);
        assert_close(&g.randn(1), &[1.5409961]);
        assert_close(&g.randn(5), &[-0.2934289, -2.1787894, 0.5684313, -1.0845224, -1.3985955]);
        let block = [
            -0.0885314, 0.5238833, -0.6658713, 0.8503774, -1.3526537, -1.6959312, 0.5666506, 0.7935084, -0.193183,
            -0.3089625, 0.5025728, -0.8594456, 0.7501895, -0.5854976, -0.1733968, 0.1834779,
        ];
        assert_close(&g.randn(16), &block);
        let tail = [
            0.1664553, -0.6787462, 0.9382607, 0.4888698, -0.6730899, 0.8728312, 1.0553575, 0.1778437, -0.2303355,
            -0.3067042, -1.5809939, 1.7066433, -0.4462172, 0.7440207, 1.5209795, 3.4105027, -1.5311843,
        ];
        assert_close(&g.randn(17), &tail);
        assert_close(&g.randn(2), &[-0.5305133, -0.4313074]);
        assert!(g.randn(0).is_empty());
    }

    #[test]
    fn seeds_use_their_low_32_bits() {
        let from = |seed: u64| TorchGenerator::new(seed).randn(3);
        assert_close(&from(u64::from(u32::MAX))[..1], &[1.219763]);
        assert_close(&from((1 << 32) + 5)[..1], &[-0.4867808]);
        assert_eq!(from((1 << 32) + 5), from(5));
    }

    #[test]
    fn many_numbers_are_finite_and_normal() {
        let values = TorchGenerator::new(7).randn(100_003);
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        assert!(values.iter().all(|v| v.is_finite()));
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }
}
