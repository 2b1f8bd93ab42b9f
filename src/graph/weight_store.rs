//! Parameters on the device: re-laid and uploaded once, shared by all plans.

use std::{collections::HashMap, sync::Arc};

use super::{Error, Plan, Residence, WeightKey, WeightSource, stream::Stream, weights::arranged};
use crate::gpu::{Buffer, Device};

/// Written bytes after which the host waits for the device, of so many bytes of weights: until then they exist twice.
pub(super) fn flush_bytes(all: u64) -> u64 {
    (all / 16).clamp(256 << 10, 64 << 20)
}

/// Weights that are on the device, or come there when they are needed.
#[derive(Clone, Debug, Default)]
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
        let missing: Vec<_> = keys.iter().filter(|key| !self.buffers.contains_key(key)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let flush = flush_bytes(missing.iter().map(|key| key.buffer_bytes()).sum());
        let mut pending = 0;
        for key in missing {
            let bytes = arranged(source, key)?;
            let buffer = device.buffer(key.path(), bytes.len() as u64)?;
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
        let buffers = missing.map(|key| Ok((key, device.buffer(key.path(), key.bytes())?)));
        let buffers = buffers.collect::<Result<Vec<_>, Error>>()?;
        write(&buffers)?;
        self.buffers.extend(buffers.into_iter().map(|(key, buffer)| (key.clone(), buffer)));
        Ok(())
    }

    /// Releases the weights of which `stays` says no, once no program reads them.
    pub fn retain(&mut self, stays: impl Fn(&WeightKey) -> bool) {
        self.buffers.retain(|key, _| stays(key));
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

/// Bytes of weights that exist twice while so many are loaded, the largest of which has so many.
pub(super) fn loading_bytes(all: u64, largest: u64) -> u64 {
    all.min(flush_bytes(all) + largest)
}
