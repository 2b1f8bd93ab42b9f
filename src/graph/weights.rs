//! Parameters: where they come from, and how they lie on the device.

use half::{bf16, f16};

use super::{Error, Param};
use crate::kernel::{Binding, Dtype, Layout};

/// Which parameter, and how it must lie on the device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WeightKey {
    /// The checkpoint's parameter, or several that an operation reads as one, behind each other in their first axis. Never empty.
    pub parts: Vec<Param>,
    /// The shape as the kernel sees it: the same elements.
    pub as_shape: Vec<usize>,
    /// Layout on the device.
    pub layout: Layout,
    /// Element type on the device.
    pub dtype: Dtype,
}

impl WeightKey {
    /// A parameter as a binding wants it.
    pub(super) fn new(parts: &[Param], binding: &Binding, layout: Layout) -> Self {
        Self { parts: parts.to_vec(), as_shape: binding.shape.clone(), layout, dtype: binding.dtype }
    }

    /// Path of its first part in the checkpoint's component.
    pub fn path(&self) -> &str {
        self.parts.first().map_or("", |part| &part.path)
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        (self.layout.device_elements(&self.as_shape) * self.dtype.bytes()) as u64
    }
}

/// How a weight is stored in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightFormat {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of f32.
    Bf16,
}

/// A weight as its file has it: little-endian, row-major.
#[derive(Clone, Debug)]
pub struct WeightView<'a> {
    /// Element type.
    pub format: WeightFormat,
    /// Shape.
    pub shape: Vec<usize>,
    /// The bytes.
    pub bytes: std::borrow::Cow<'a, [u8]>,
}

/// Where weights come from: a checkpoint's component, or random numbers.
pub trait WeightSource: Sync {
    /// The weight of this path, if there is one.
    fn weight(&self, path: &str, shape: &[usize]) -> Option<WeightView<'_>>;
}

impl WeightView<'_> {
    /// The values as f32. bf16 and f16 are exact.
    pub fn to_f32(&self) -> Vec<f32> {
        match self.format {
            WeightFormat::F32 => self.bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            WeightFormat::F16 => self.bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect(),
            WeightFormat::Bf16 => self.bytes.as_chunks().0.iter().map(|&b| bf16::from_le_bytes(b).to_f32()).collect(),
        }
    }

    /// The values as f16, rounded to nearest; beyond its range they saturate.
    pub fn to_f16(&self) -> Vec<f16> {
        match self.format {
            WeightFormat::F16 => self.bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b)).collect(),
            _ => self.to_f32().into_iter().map(|v| f16::from_f32(v.clamp(-65504.0, 65504.0))).collect(),
        }
    }
}

/// The checkpoint's tensor of a parameter.
fn view<'a>(source: &'a dyn WeightSource, param: &Param) -> Result<WeightView<'a>, Error> {
    let expected = param.whole();
    let error = |found: String| Error::Weight { path: param.path.to_string(), expected: expected.to_vec(), found };
    let view = source.weight(&param.path, expected).ok_or_else(|| error("nothing".into()))?;
    if view.shape.iter().product::<usize>() != expected.iter().product::<usize>() {
        return Err(error(format!("{:?}", view.shape)));
    }
    Ok(view)
}

/// The values of a weight in the order of the checkpoint, part by part; `read` takes them out of a whole tensor.
fn gathered<T: Copy>(
    source: &dyn WeightSource,
    key: &WeightKey,
    read: impl Fn(&WeightView<'_>) -> Vec<T>,
) -> Result<Vec<T>, Error> {
    let mut all = Vec::new();
    for part in &key.parts {
        let values = part.cut(read(&view(source, part)?));
        if all.is_empty() { all = values } else { all.extend(values) }
    }
    Ok(all)
}

/// The values that a weight has on the device, in the order of the checkpoint, rounded to their storage type.
///
/// # Errors
/// [`Error::Weight`] where the source has no tensor of this shape.
pub fn weight_values(source: &dyn WeightSource, key: &WeightKey) -> Result<Vec<f32>, Error> {
    match key.dtype {
        Dtype::F16 => Ok(gathered(source, key, |view| view.to_f16())?.into_iter().map(f16::to_f32).collect()),
        _ => gathered(source, key, |view| view.to_f32()),
    }
}

/// The bytes of a weight as they lie on the device.
///
/// # Errors
/// [`Error::Weight`] where the source has no tensor of this shape.
pub(super) fn arranged(source: &dyn WeightSource, key: &WeightKey) -> Result<Vec<u8>, Error> {
    match key.dtype {
        Dtype::F16 => Ok(key.layout.arrange_f16(&gathered(source, key, |view| view.to_f16())?, &key.as_shape)),
        _ => Ok(key.layout.arrange_f32(&gathered(source, key, |view| view.to_f32())?, &key.as_shape)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[2, 3]` matrices whose values are those of their names, counted up.
    struct Source;

    impl WeightSource for Source {
        fn weight(&self, path: &str, shape: &[usize]) -> Option<WeightView<'_>> {
            let first: f32 = path.parse().ok()?;
            let bytes: Vec<u8> = (0..6).flat_map(|i| (first + i as f32).to_le_bytes()).collect();
            Some(WeightView { format: WeightFormat::F32, shape: shape.to_vec(), bytes: bytes.into() })
        }
    }

    #[test]
    fn parts_lie_behind_each_other() {
        let param = |name: &str| Param { path: name.into(), shape: vec![2, 3], slice: None };
        let key = |parts: &[Param], dtype: Dtype| {
            let rows = parts.iter().map(|part| part.shape[0]).sum();
            let layout = Layout::Gemm { sources: vec![3], geglu: false };
            let binding = Binding::weight("w", &[rows, 3], dtype, layout.clone());
            WeightKey::new(parts, &binding, layout)
        };
        let parts = [param("10"), param("20").range(0, 1..2), param("30")];
        let values = [10., 11., 12., 13., 14., 15., 23., 24., 25., 30., 31., 32., 33., 34., 35.];
        for dtype in [Dtype::F32, Dtype::F16] {
            let key = key(&parts, dtype);
            assert_eq!(weight_values(&Source, &key).unwrap(), values);
            let bytes = arranged(&Source, &key).unwrap();
            assert_eq!(bytes.len() as u64, key.bytes());
            // Columns side by side: the first row of the device is the first column of all parts.
            let first = [10., 13., 23., 30., 33., 0., 0., 0.];
            let found: Vec<f32> = match dtype {
                Dtype::F16 => bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect(),
                _ => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            };
            assert_eq!(found[..8], first);
        }
        let error = arranged(&Source, &key(&[param("10"), param("missing")], Dtype::F32)).unwrap_err().to_string();
        assert!(error.contains("'missing'"), "{error}");
    }
}
