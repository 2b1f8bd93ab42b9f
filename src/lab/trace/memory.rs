//! Tensors in the memory of a watched program: read and written where the plan has put them, views at offsets included.

use std::ops::Range;

use half::f16;

use crate::{
    gpu::{Buffer, Device},
    graph::{Error, External, Place, PlannedOp, Watched},
    kernel::{Binding, Dtype},
};

/// The bytes of a binding's elements behind a place.
fn range(binding: &Binding, offset: usize) -> Range<u64> {
    let size = binding.dtype.bytes();
    (offset * size) as u64..((offset + binding.elements()) * size) as u64
}

fn find<'a>(program: &Watched<'a>, place: Place) -> Result<&'a Buffer, Error> {
    program.buffer(place).ok_or_else(|| Error::Unbound(format!("{place:?}")))
}

/// Reads an operand of an operation, which is the `at`-th of its bindings.
pub fn read(program: &Watched<'_>, op: &PlannedOp, at: usize, binding: &Binding) -> Result<Vec<u8>, Error> {
    let (place, offset) = op.places[at];
    let range = range(binding, offset);
    read_bytes(program.device(), find(program, place)?, range)
}

/// Writes an operand of an operation.
pub fn write(program: &Watched<'_>, op: &PlannedOp, at: usize, binding: &Binding, bytes: &[u8]) -> Result<(), Error> {
    let (place, offset) = op.places[at];
    let start = range(binding, offset).start;
    write_bytes(program.device(), find(program, place)?, start, bytes)
}

/// Reads a tensor that the plan exchanges with the outside.
pub fn read_external(program: &Watched<'_>, index: usize, external: &External) -> Result<Vec<u8>, Error> {
    read_bytes(program.device(), find(program, Place::External(index))?, 0..external.bytes())
}

/// Writes one.
pub fn write_external(program: &Watched<'_>, index: usize, bytes: &[u8]) -> Result<(), Error> {
    write_bytes(program.device(), find(program, Place::External(index))?, 0, bytes)
}

/// Buffers are read and written in words of 4 bytes.
const WORD: u64 = 4;

fn read_bytes(device: &Device, buffer: &Buffer, range: Range<u64>) -> Result<Vec<u8>, Error> {
    let start = range.start / WORD * WORD;
    let mut bytes = device.read(buffer, start, range.end - start)?;
    bytes.drain(..(range.start - start) as usize);
    Ok(bytes)
}

fn write_bytes(device: &Device, buffer: &Buffer, start: u64, bytes: &[u8]) -> Result<(), Error> {
    let end = start + bytes.len() as u64;
    let words = start / WORD * WORD..end.next_multiple_of(WORD);
    if words == (start..end) {
        device.write(buffer, start, bytes);
        return Ok(());
    }
    // What lies beside it in the same words is kept.
    let mut all = device.read(buffer, words.start, words.end - words.start)?;
    let at = (start - words.start) as usize;
    if let Some(part) = all.get_mut(at..at + bytes.len()) {
        part.copy_from_slice(bytes);
    }
    device.write(buffer, words.start, &all);
    Ok(())
}

/// Values as the twin takes them; `None` if there is a whole number that f32 cannot hold.
pub fn values(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    Some(match dtype {
        Dtype::F32 => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
        Dtype::F16 => bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect(),
        Dtype::U32 => {
            let words = bytes.as_chunks().0.iter().map(|&b| u32::from_le_bytes(b));
            words.map(|word| (word as f32 as u64 == u64::from(word)).then_some(word as f32)).collect::<Option<_>>()?
        }
    })
}

/// What the twin gives of an output, as it is stored: halves saturate, words are the bits of their f32.
pub fn stored(dtype: Dtype, values: &[f32]) -> Vec<u8> {
    match dtype {
        Dtype::F16 => values.iter().flat_map(|v| f16::from_f32(v.clamp(-65504.0, 65504.0)).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_are_stored() {
        let values_of = |dtype, values: &[f32]| super::values(dtype, &stored(dtype, values)).unwrap();
        assert_eq!(values_of(Dtype::F32, &[1.5, -2.0]), [1.5, -2.0]);
        assert_eq!(values_of(Dtype::F16, &[1.0, 1e6, 0.1]), [1.0, 65504.0, f16::from_f32(0.1).to_f32()]);
        assert_eq!(values(Dtype::U32, &7u32.to_le_bytes()), Some(vec![7.0]));
        assert_eq!(values(Dtype::U32, &(1u32 << 24 | 1).to_le_bytes()), None);
        assert_eq!(stored(Dtype::U32, &[f32::from_bits(0x0403_0201)]), [1, 2, 3, 4]);
    }
}
