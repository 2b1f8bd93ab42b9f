//! The weights of a checkpoint on a device: those of a network are there while it runs, or stay from clip to clip where all have room.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Error, Plans, networks::Source};
use crate::{
    checkpoint::{Checkpoint, ComponentKind},
    gpu::Device,
    graph::{Plan, Residence, WeightStore},
};

/// A checkpoint, and which of its weights stay on the device.
pub(super) struct ModelWeights {
    device: Device,
    checkpoint: Checkpoint,
    /// Those that stay; `None`: nobody keeps any.
    kept: Mutex<Option<Kept>>,
}

type Kept = HashMap<ComponentKind, Arc<WeightStore>>;

impl ModelWeights {
    /// None is on the device yet, and none will stay.
    pub fn new(device: Device, checkpoint: Checkpoint) -> Self {
        Self { device, checkpoint, kept: Mutex::default() }
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// From now on the weights that these plans read stay, once they are loaded; others that stayed are released.
    pub fn keep(&self, plans: &Plans) {
        let mut kept = self.kept();
        let stores = kept.get_or_insert_default();
        for (kind, store) in stores.iter_mut() {
            let read: HashSet<_> = plans.of_component(*kind).into_iter().flat_map(|plan| &plan.weights).collect();
            Arc::make_mut(store).retain(|key| read.contains(key));
        }
    }

    /// From now on none stays.
    pub fn release(&self) {
        *self.kept() = None;
    }

    /// The weights that these plans read of a component. Those that the residence does not hold are streamed.
    ///
    /// # Errors
    /// Those of the files and of the device's memory.
    pub fn load(&self, kind: ComponentKind, plans: &[&Plan], residence: &Residence) -> Result<Arc<WeightStore>, Error> {
        let source = Arc::new(Source(self.checkpoint.component(kind).clone()));
        // Streams belong to the plans that run with them: they are never kept.
        let mut kept = self.kept();
        let Some(stores) = kept.as_mut().filter(|_| *residence == Residence::All) else {
            return Ok(Arc::new(WeightStore::new(&self.device, source, plans, residence)?));
        };
        let mut store = stores.remove(&kind).unwrap_or_default();
        for plan in plans {
            Arc::make_mut(&mut store).load(&self.device, &plan.weights, source.as_ref())?;
        }
        stores.insert(kind, store.clone());
        Ok(store)
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
