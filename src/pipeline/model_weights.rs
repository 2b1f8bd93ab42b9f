//! The weights of a checkpoint on a device: those of a network are there while it runs, or stay from clip to clip where all have room.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
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
    /// Those that stay; `None`: none does.
    staying: Mutex<Option<Stores>>,
    /// Did the device have less room than it told?
    given_up: AtomicBool,
}

type Stores = HashMap<ComponentKind, Arc<WeightStore>>;

impl ModelWeights {
    /// None is on the device yet, and none will stay.
    pub fn new(device: Device, checkpoint: Checkpoint) -> Self {
        Self { device, checkpoint, staying: Mutex::default(), given_up: AtomicBool::new(false) }
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// From now on the weights that these plans read stay, once they are loaded; others that stayed are released.
    pub fn keep(&self, plans: &Plans) {
        let mut staying = self.staying();
        let stores = staying.get_or_insert_default();
        for (kind, store) in stores.iter_mut() {
            let read: HashSet<_> = plans.of_component(*kind).into_iter().flat_map(|plan| &plan.weights).collect();
            Arc::make_mut(store).retain(|key| read.contains(key));
        }
    }

    /// From now on none stays.
    pub fn release(&self) {
        *self.staying() = None;
    }

    /// None stays from now on, whoever asks: another program took the room that was there.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
        self.release();
    }

    /// Can weights stay?
    pub fn can_stay(&self) -> bool {
        !self.given_up.load(Ordering::Relaxed)
    }

    /// Have all weights that a plan reads of a component stayed?
    pub fn holds(&self, kind: ComponentKind, plan: &Plan) -> bool {
        let staying = self.staying();
        let store = staying.as_ref().and_then(|stores| stores.get(&kind));
        store.is_some_and(|store| plan.weights.iter().all(|key| store.get(key).is_some()))
    }

    /// The weights that these plans read of a component. Those that the residence does not hold are streamed.
    ///
    /// # Errors
    /// Those of the files and of the device's memory.
    pub fn load(&self, kind: ComponentKind, plans: &[&Plan], residence: &Residence) -> Result<Arc<WeightStore>, Error> {
        let source = Arc::new(Source(self.checkpoint.component(kind).clone()));
        // Streams belong to the plans that run with them: they never stay.
        if *residence != Residence::All {
            return Ok(Arc::new(WeightStore::new(&self.device, source, plans, residence)?));
        }
        let stayed = self.staying().as_mut().and_then(|stores| stores.remove(&kind));
        let mut store = stayed.unwrap_or_default();
        for plan in plans {
            Arc::make_mut(&mut store).load(&self.device, &plan.weights, source.as_ref())?;
        }
        if let Some(stores) = self.staying().as_mut() {
            stores.insert(kind, store.clone());
        }
        Ok(store)
    }

    fn staying(&self) -> MutexGuard<'_, Option<Stores>> {
        self.staying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
