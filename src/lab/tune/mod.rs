//! Which setting of a kernel is fastest at a shape on this device, found by trying, and kept for later runs.

mod rig;
mod search;
#[cfg(test)]
mod search_tests;
mod store;

pub use rig::DeviceRig;
pub use search::{Attempt, Checked, Rig, Rules, Search, search};
pub use store::{Found, Stale, Tuned};
