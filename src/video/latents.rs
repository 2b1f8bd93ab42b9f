//! Latents as a safetensors file, the parameters in its metadata.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata, TensorView, serialize};
use serde_json::Value;

use super::error::{Error, Result};
use super::parameters::{self, KEY, MAX_BYTES};

/// The tensor's name.
const NAME: &str = "latents";

/// Latents from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Latents {
    /// `[1, C, F, h, w]`, as the denoiser left them: scaled.
    pub values: Vec<f32>,
    /// Their shape.
    pub shape: [usize; 5],
    /// What they were made with, if the file says so.
    pub parameters: Option<Value>,
}

/// Reads the tensor `latents` `[1, C, F, h, w]` of a safetensors file, as [`super::write_latents`] makes it; f16 and bf16 are widened.
///
/// # Errors
/// [`Error::Read`] if the file cannot be opened, [`Error::Content`] if it holds something else, [`Error::Damaged`] if it is no whole
/// safetensors file, has no such tensor, or values in it are no numbers.
pub fn read_latents(path: &Path) -> Result<Latents> {
    let unread = |cause| Error::Read { path: path.to_owned(), cause };
    let damaged = |problem: String| Error::Damaged { path: path.to_owned(), format: "latents", problem };
    let mut source = fs::File::open(path).map_err(unread)?;
    let mut file = Vec::new();
    (&mut source).take(9).read_to_end(&mut file).map_err(unread)?;
    if !matches!(file.as_slice(), [_, _, _, _, _, 0, 0, 0, b'{']) {
        let hint = ": `i2vgen generate -o NAME.safetensors` writes them";
        return Err(Error::Content { path: path.to_owned(), holds: "something else", asked: "latents", hint });
    }
    // The head says what the file holds: the gigabytes of a model's weights are not read to find out that they are no latents.
    let length = file[..8].iter().rev().fold(0u64, |length, byte| length << 8 | u64::from(*byte));
    if length > MAX_BYTES {
        return Err(damaged(format!("a head of {length} bytes")));
    }
    (&mut source).take(length.saturating_sub(1)).read_to_end(&mut file).map_err(unread)?;
    let head: Metadata =
        serde_json::from_slice(&file[8..]).map_err(|problem| damaged(format!("its head: {problem}")))?;
    let info = head.info(NAME).ok_or_else(|| {
        let names = head.offset_keys();
        let found = names.iter().take(3).map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
        damaged(format!("expected a tensor '{NAME}', found {}: {found}", names.len()))
    })?;
    let shape = <[usize; 5]>::try_from(info.shape.as_slice()).ok();
    let shape = shape.filter(|shape| shape[0] == 1 && !shape.contains(&0)).ok_or_else(|| {
        damaged(format!("`{NAME}` has the shape {:?}, expected [1, channels, frames, height, width]", info.shape))
    })?;
    if !matches!(info.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
        return Err(damaged(format!("`{NAME}` is {:?}, expected F32, F16 or BF16", info.dtype)));
    }
    (&mut source).take((head.data_len() as u64).saturating_add(1)).read_to_end(&mut file).map_err(unread)?;
    let tensors = SafeTensors::deserialize(&file).map_err(|problem| damaged(problem.to_string()))?;
    let tensor = tensors.tensor(NAME).map_err(|problem| damaged(problem.to_string()))?;
    let data = tensor.data();
    let half = || data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let values: Vec<f32> = match tensor.dtype() {
        Dtype::F16 => half().map(|bits| f16::from_bits(bits).to_f32()).collect(),
        Dtype::BF16 => half().map(|bits| bf16::from_bits(bits).to_f32()).collect(),
        _ => data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
    };
    if values.iter().any(|value| !value.is_finite()) {
        return Err(damaged(format!("`{NAME}` has values that are no numbers")));
    }
    let parameters = read_parameters(&mut file.as_slice()).ok().flatten();
    Ok(Latents { values, shape, parameters })
}

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
    fn latents_of_a_file_are_read_or_refused() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("a.safetensors");
        let read = |file: &[u8]| {
            fs::write(&path, file).unwrap();
            read_latents(&path)
        };
        let refused = |file: &[u8]| read(file).unwrap_err().to_string();
        let values: Vec<f32> = (0..16).map(|i| i as f32 / 4.0 - 2.0).collect();
        let file = encode(&values, [1, 4, 1, 2, 2], &parameters()).unwrap();
        let expected = Latents { values: values.clone(), shape: [1, 4, 1, 2, 2], parameters: Some(parameters()) };
        assert_eq!(read(&file).unwrap(), expected);

        // As another program may have written them.
        let foreign = |name: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]| {
            let tensor = TensorView::new(dtype, shape.to_vec(), bytes).unwrap();
            serialize([(name, tensor)], None).unwrap()
        };
        let halves: Vec<u8> = values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
        let brains: Vec<u8> = values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect();
        for (dtype, bytes) in [(Dtype::F16, &halves), (Dtype::BF16, &brains)] {
            let found = read(&foreign(NAME, dtype, &[1, 4, 1, 2, 2], bytes)).unwrap();
            assert_eq!(found, Latents { parameters: None, ..expected.clone() });
        }
        let nan = encode(&[f32::NAN; 16], [1, 4, 1, 2, 2], &Value::Null).unwrap();
        for (file, word) in [
            (foreign("x", Dtype::F16, &[16], &halves), "expected a tensor 'latents', found 1: 'x'"),
            (foreign(NAME, Dtype::F16, &[4, 2, 2], &halves), "[4, 2, 2], expected [1, channels, frames"),
            (foreign(NAME, Dtype::F16, &[2, 2, 1, 2, 2], &halves), "expected [1, "),
            (foreign(NAME, Dtype::U8, &[1, 4, 2, 2, 2], &halves), "is U8"),
            (file[..file.len() - 1].to_vec(), "damaged latents file"),
            (nan, "no numbers"),
            (b"GIF89a and so on".to_vec(), "generate -o"),
            (Vec::new(), "not latents"),
        ] {
            let message = refused(&file);
            assert!(
                message.contains(word) && message.contains("a.safetensors") && !message.contains('\n'),
                "{message}"
            );
        }
        assert!(matches!(read_latents(&room.path().join("absent")), Err(Error::Read { .. })));
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
