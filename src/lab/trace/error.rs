//! What can end a trace.

use std::{io, path::PathBuf};

use crate::{checkpoint, graph, pipeline};

/// Why there is no trace.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A phase that does not exist.
    #[error("--phase: there is no phase '{asked}'; there are {known}")]
    Phase {
        /// What was asked for.
        asked: String,
        /// The phases that exist.
        known: String,
    },
    /// A pattern that is none.
    #[error("--match '{pattern}': {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// A range that is none.
    #[error("'{0}' is no range: write 0, 2-5 or all")]
    Range(String),
    /// No operation has this label.
    #[error("--twins-until: {0}")]
    Until(String),
    /// The generation has no such step or frame.
    #[error("{option} {asked}: this run has {count}, numbered from 0: ask for 0 to {}, or all", count - 1)]
    Beyond {
        /// The option.
        option: &'static str,
        /// What was asked for.
        asked: String,
        /// How many the run has.
        count: usize,
    },
    /// No tensor has a name like this.
    #[error(
        "--match: no tensor of the phases, steps and frames that are looked at has a name like {0}; `--list` shows them"
    )]
    NoMatch(String),
    /// Nothing that was asked for happened.
    #[error("nothing was traced: {0}")]
    Nothing(String),
    /// More than the host should keep.
    #[error(
        "--bisect chain would keep {needed} bytes of what the twins compute, and --max-memory allows {limit}: allow more, choose a smaller \
         size or fewer frames, or take --bisect alone, which keeps nothing"
    )]
    Memory {
        /// Bytes that would be kept.
        needed: u64,
        /// Bytes that may be kept.
        limit: u64,
    },
    /// The dump cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not, in the words of the system.
        source: io::Error,
    },
    /// The model folder, opened a second time for the twins.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// The run itself.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// The graph.
    #[error(transparent)]
    Graph(#[from] graph::Error),
}
