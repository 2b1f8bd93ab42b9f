//! Parameters on the device: re-laid and uploaded once, shared by all plans.

use std::{collections::HashMap, sync::Arc};

use half::{bf16, f16};

use super::{Error, Param, Plan, Residence, Slice, footprint::flush_bytes, stream::Stream};
use crate::{
    gpu::{Buffer, Device},
    kernel::{Binding, Dtype, Layout},
};

/// Which parameter, and how it must lie on the device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WeightKey {
    /// Path in the checkpoint's component.
    pub path: Arc<str>,
    /// Shape there; of a slice, the slice's.
    pub shape: Vec<usize>,
    /// Where it lies in the checkpoint's tensor, if it is a slice of one.
    pub slice: Option<Slice>,
    /// The shape as the kernel sees it: the same elements.
    pub as_shape: Vec<usize>,
    /// Layout on the device.
    pub layout: Layout,
    /// Element type on the device.
    pub dtype: Dtype,
}

impl WeightKey {
    /// A parameter as a binding wants it.
    pub(super) fn new(param: &Param, binding: &Binding, layout: Layout) -> Self {
        let (path, shape) = (param.path.clone(), param.shape.clone());
        let slice = param.slice.clone();
        Self { path, shape, slice, as_shape: binding.shape.clone(), layout, dtype: binding.dtype }
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

    /// The values that a weight has on the device, in the order of the checkpoint: of a slice its own, rounded to their storage type.
    pub fn values(&self, key: &WeightKey) -> Vec<f32> {
        match key.dtype {
            Dtype::F16 => cut(key, self.to_f16()).into_iter().map(f16::to_f32).collect(),
            _ => cut(key, self.to_f32()),
        }
    }

    fn arranged(&self, key: &WeightKey) -> Vec<u8> {
        match key.dtype {
            Dtype::F16 => key.layout.arrange_f16(&cut(key, self.to_f16()), &key.as_shape),
            _ => key.layout.arrange_f32(&cut(key, self.to_f32()), &key.as_shape),
        }
    }
}

fn cut<T: Copy>(key: &WeightKey, values: Vec<T>) -> Vec<T> {
    match &key.slice {
        Some(slice) => slice.cut(&key.shape, &values),
        None => values,
    }
}

/// The bytes of a weight as they lie on the device.
///
/// # Errors
/// [`Error::Weight`] where the source has none of this shape.
pub(super) fn arranged(source: &dyn WeightSource, key: &WeightKey) -> Result<Vec<u8>, Error> {
    let expected = key.slice.as_ref().map_or(&key.shape, |slice| &slice.whole);
    let error = |found: String| Error::Weight { path: key.path.to_string(), expected: expected.clone(), found };
    let view = source.weight(&key.path, expected).ok_or_else(|| error("nothing".into()))?;
    if view.shape.iter().product::<usize>() != expected.iter().product::<usize>() {
        return Err(error(format!("{:?}", view.shape)));
    }
    Ok(view.arranged(key))
}

/// Weights that are on the device, or come there when they are needed.
#[derive(Debug, Default)]
pub struct WeightStore {
    buffers: HashMap<WeightKey, Buffer>,
    pub(super) stream: Option<Arc<Stream>>,
}

impl WeightStore {
    /// The weights of these plans that stay, uploaded. Programs of these plans, and of no others, get the rest from the source in every run,
    /// part by part. Takes [`Residence::weight_bytes`] of the device's memory.
    ///
    /// # Errors
    /// Those of the source and of the device's memory.
    pub fn new(
        device: &Device,
        source: Arc<dyn WeightSource + Send>,
        plans: &[&Plan],
        residence: &Residence,
    ) -> Result<Self, Error> {
        let mut store = Self::default();
        for plan in plans {
            let kept: Vec<_> = plan.weights.iter().filter(|key| residence.holds(key)).cloned().collect();
            store.load(device, &kept, source.as_ref())?;
        }
        if *residence != Residence::All {
            store.stream = Some(Arc::new(Stream::new(device, source, plans, residence)?));
        }
        Ok(store)
    }

    /// Uploads the weights that are not there yet.
    pub fn load(&mut self, device: &Device, keys: &[WeightKey], source: &dyn WeightSource) -> Result<(), Error> {
        let missing = keys.iter().filter(|key| !self.buffers.contains_key(key));
        let flush = flush_bytes(missing.map(WeightKey::buffer_bytes).sum());
        let mut pending = 0;
        for key in keys {
            if self.buffers.contains_key(key) {
                continue;
            }
            let bytes = arranged(source, key)?;
            let buffer = device.buffer(&key.path, bytes.len() as u64)?;
            device.write(&buffer, 0, &bytes);
            pending += bytes.len() as u64;
            if pending > flush {
                device.flush()?;
                pending = 0;
            }
            self.buffers.insert(key.clone(), buffer);
        }
        device.flush()?;
        Ok(())
    }

    /// Allocates the weights that are not there yet and has `write` give them their values on the device.
    pub fn generate<E: From<Error>>(
        &mut self,
        device: &Device,
        keys: &[WeightKey],
        write: impl FnOnce(&[(&WeightKey, Buffer)]) -> Result<(), E>,
    ) -> Result<(), E> {
        let missing = keys.iter().filter(|key| !self.buffers.contains_key(key));
        let buffers = missing.map(|key| Ok((key, device.buffer(&key.path, key.bytes())?)));
        let buffers = buffers.collect::<Result<Vec<_>, Error>>()?;
        write(&buffers)?;
        self.buffers.extend(buffers.into_iter().map(|(key, buffer)| (key.clone(), buffer)));
        Ok(())
    }

    /// The buffer of a weight.
    pub fn get(&self, key: &WeightKey) -> Option<&Buffer> {
        self.buffers.get(key)
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        self.buffers.values().map(Buffer::bytes).sum()
    }
}
