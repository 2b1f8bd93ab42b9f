//! Latents as a safetensors file, the parameters in its metadata.

use std::collections::HashMap;
use std::io::{self, Read};

use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::Value;

use super::error::{Error, Result};
use super::parameters::{self, KEY, MAX_BYTES};

/// The tensor's name.
const NAME: &str = "latents";

/// Encodes `latents` `[1, 4, F, h, w]` as a whole file: one float32 tensor.
pub(super) fn encode(latents: &[f32], shape: [usize; 5], parameters: &Value) -> Result<Vec<u8>> {
    let elements = shape.iter().try_fold(1usize, |product, side| product.checked_mul(*side));
    if elements != Some(latents.len()) {
        return Err(Error::Clip {
            problem: format!("latents of shape {shape:?} do not have {} values", latents.len()),
        });
    }
    let fail = |problem: safetensors::SafeTensorError| Error::encode("safetensors", problem);
    let bytes: Vec<u8> = latents.iter().flat_map(|value| value.to_le_bytes()).collect();
    let tensor = TensorView::new(Dtype::F32, shape.to_vec(), &bytes).map_err(fail)?;
    let metadata = HashMap::from([(KEY.to_owned(), parameters.to_string())]);
    serialize([(NAME, tensor)], Some(metadata)).map_err(fail)
}

/// Finds the parameters in the head of a safetensors file; the tensors are not read.
pub(super) fn read_parameters(file: &mut impl Read) -> io::Result<Option<Value>> {
    let invalid = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_BYTES {
        return Err(invalid(format!("a head of {length} bytes")));
    }
    let mut head = Vec::new();
    if file.take(length).read_to_end(&mut head)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let head: Value = serde_json::from_slice(&head).map_err(|problem| invalid(problem.to_string()))?;
    let text = head.get("__metadata__").and_then(|data| data.get(KEY));
    Ok(text.and_then(Value::as_str).and_then(|text| parameters::from_json(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::super::testing::parameters;
    use super::*;

    #[test]
    fn latents_come_back_as_they_were() {
        let values: Vec<f32> = (0..48).map(|i| i as f32 / 7.0 - 3.0).collect();
        let file = encode(&values, [1, 4, 2, 2, 3], &parameters()).unwrap();
        let read = safetensors::SafeTensors::deserialize(&file).unwrap();
        let tensor = read.tensor(NAME).unwrap();
        assert_eq!(tensor.shape(), [1, 4, 2, 2, 3]);
        assert_eq!(tensor.dtype(), Dtype::F32);
        let back: Vec<f32> = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(back, values);
    }

    #[test]
    fn a_shape_that_is_not_filled_is_refused() {
        for shape in [[1, 4, 2, 2, 2], [usize::MAX, 4, 2, 2, 2]] {
            assert!(matches!(encode(&[0.0; 48], shape, &Value::Null), Err(Error::Clip { .. })));
        }
        assert!(read_parameters(&mut &[255u8; 64][..]).is_err());
        assert!(read_parameters(&mut &[9u8, 0, 0, 0, 0, 0, 0, 0, b'{'][..]).is_err());
    }
}
