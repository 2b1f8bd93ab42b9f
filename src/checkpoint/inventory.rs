//! What a component's files hold, in numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::component::Component;
use super::kind::ComponentKind;
use super::tensor::Dtype;

/// How many tensors there are of one element type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DtypeCount {
    /// How many tensors.
    pub tensors: usize,
    /// How many numbers in them.
    pub elements: u64,
    /// Bytes of them in the files.
    pub bytes: u64,
}

/// The contents of a component's weight files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// The component's folder.
    pub component: &'static str,
    /// Name and length in bytes of each file.
    pub files: Vec<(String, u64)>,
    /// Number of tensors of any type.
    pub tensors: usize,
    /// Elements of all weights; integer buffers are not weights.
    pub parameters: u64,
    /// Bytes of all tensors, without the files' headers.
    pub bytes: u64,
    /// Tensors by element type, under its name in safetensors (`F16`, `F32`, `I64`, ...).
    pub dtypes: BTreeMap<String, DtypeCount>,
}

impl Component {
    /// Counts what the files hold; touches none of the weights.
    pub fn inventory(&self) -> Inventory {
        let files = self
            .files()
            .iter()
            .map(|file| {
                let name = file.path.file_name().unwrap_or_default();
                (name.to_string_lossy().into_owned(), file.len() as u64)
            })
            .collect();
        let mut inventory = Inventory {
            component: ComponentKind::folder(self.kind()),
            files,
            tensors: 0,
            parameters: 0,
            bytes: 0,
            dtypes: BTreeMap::new(),
        };
        for (_, entry) in self.entries() {
            let bytes = entry.bytes.len() as u64;
            let elements: u64 = entry.shape.iter().map(|&size| size as u64).product();
            inventory.tensors += 1;
            inventory.bytes += bytes;
            if Dtype::of(entry.dtype).is_some() {
                inventory.parameters += elements;
            }
            let count = inventory.dtypes.entry(entry.dtype.to_string()).or_default();
            count.tensors += 1;
            count.elements += elements;
            count.bytes += bytes;
        }
        inventory
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Variant;
    use crate::checkpoint::fixture::{Folder, weights};
    use safetensors::Dtype as D;

    #[test]
    fn everything_is_counted_once() {
        let folder = Folder::new();
        let file =
            weights(&[("a", D::F16, &[2, 5]), ("b", D::F16, &[3]), ("c", D::F32, &[]), ("ids", D::I64, &[1, 7])]);
        folder.write("image_encoder/model.fp16.safetensors", &file);
        let component = Component::open(&folder.files(), ComponentKind::ImageEncoder, Variant::Auto).unwrap();
        let inventory = component.inventory();
        assert_eq!(inventory.files, [("model.fp16.safetensors".to_string(), file.len() as u64)]);
        assert_eq!((inventory.tensors, inventory.parameters, inventory.bytes), (4, 14, 26 + 4 + 56));
        let halves = DtypeCount { tensors: 2, elements: 13, bytes: 26 };
        assert_eq!(inventory.dtypes.get("F16"), Some(&halves));
        assert_eq!(inventory.dtypes.len(), 3);
    }
}
