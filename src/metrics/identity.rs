//! Is it still the same thing? Likeness of the image encoder's embeddings.

use super::{Measure, Measures};

/// Cosine of two embeddings, −1 to 1; 0 if one of them has no direction.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

impl Measures {
    /// Adds [`Measure::Identity`]: of each frame to the reference of its number, or to the only one.
    pub fn add_identity(&mut self, frames: &[Vec<f32>], reference: &[Vec<f32>]) {
        let own = self.own_first_frame;
        for (index, (values, embedding)) in self.frames.iter_mut().zip(frames).enumerate() {
            let to = if reference.len() == 1 { reference.first() } else { reference.get(index) };
            if let Some(to) = to.filter(|_| !(own && index == 0)) {
                values.insert(Measure::Identity, cosine(embedding, to));
            }
        }
        self.take_mean(Measure::Identity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_is_that_of_the_angle() {
        assert!((cosine(&[1.0, 0.0], &[1.0, 1.0]) - 0.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(cosine(&[2.0, 0.0], &[-3.0, 0.0]), -1.0);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 0.0]), 0.0);
    }
}
