//! Programs that are watched: run operation by operation by somebody who looks at every tensor.

use std::{collections::HashMap, fmt::Debug, ops::Range, sync::Arc};

use super::{Error, Place, Plan, Program};
use crate::gpu::{Buffer, Device};

/// Takes the runs of all programs of a target into its hands.
pub trait Watch: Debug + Send + Sync {
    /// Is called in place of a run; what is to be computed, it submits itself.
    ///
    /// # Errors
    /// End the run: [`Error::Stopped`] where all has been seen.
    fn run(&self, program: &Watched<'_>) -> Result<(), Error>;
}

/// What a program keeps for the one who watches.
#[derive(Debug)]
pub(super) struct Inside {
    pub plan: Plan,
    pub watch: Arc<dyn Watch>,
    pub buffers: HashMap<Place, Buffer>,
}

/// A program as its watch sees it.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a> {
    pub(super) program: &'a Program,
    pub(super) inside: &'a Inside,
}

impl<'a> Watched<'a> {
    /// Its plan.
    pub fn plan(&self) -> &'a Plan {
        &self.inside.plan
    }

    /// The device.
    pub fn device(&self) -> &'a Device {
        &self.program.device
    }

    /// The memory behind a place.
    pub fn buffer(&self, place: Place) -> Option<&'a Buffer> {
        self.inside.buffers.get(&place)
    }

    /// Submits all dispatches of these operations, grouped as in an unwatched run; does not wait.
    pub fn submit(&self, ops: Range<usize>) {
        let dispatches = |ops: &[super::PlannedOp]| ops.iter().map(|op| op.chunks.len()).sum::<usize>();
        let all = &self.plan().ops;
        let start = dispatches(&all[..ops.start]);
        let end = start + dispatches(&all[ops]);
        let mut first = 0;
        for commands in &self.program.submissions {
            let range = start.clamp(first, first + commands.len())..end.clamp(first, first + commands.len());
            if !range.is_empty() {
                self.device().submit(&commands[range.start - first..range.end - first]);
            }
            first += commands.len();
        }
    }
}
