//! What ends a command early.

use std::process::ExitCode;

use i2vgen::{
    checkpoint, gpu, graph, lab, metrics, picture, pipeline, prepare, prompt, report, sampler, staged, video,
};

/// An error of the program: the library's, or one of the command line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something about the command line or a file that it names.
    #[error("{0}")]
    Message(String),
    /// The command has printed what is wrong; only the exit code is left to set.
    #[error("")]
    Reported,
    #[error("cannot write to the standard output: {0}")]
    Output(std::io::Error),
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    Picture(#[from] picture::Error),
    #[error(transparent)]
    Prepare(#[from] prepare::Error),
    #[error(transparent)]
    Prompt(#[from] prompt::Error),
    #[error(transparent)]
    Video(#[from] video::Error),
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    #[error(transparent)]
    Report(#[from] report::Error),
    #[error(transparent)]
    File(#[from] staged::Error),
    #[error(transparent)]
    Gpu(#[from] gpu::Error),
    #[error(transparent)]
    Graph(#[from] graph::Error),
    #[error(transparent)]
    Sampler(#[from] sampler::Error),
    #[error(transparent)]
    Verify(#[from] lab::VerifyError),
    #[error(transparent)]
    Workload(#[from] lab::WorkloadError),
    #[error(transparent)]
    Candidate(#[from] lab::CandidateError),
    #[error(transparent)]
    Override(#[from] lab::OverrideError),
    #[error(transparent)]
    RandomCheckpoint(#[from] lab::RandomCheckpointError),
}

impl Error {
    /// An error in words.
    pub fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }

    /// What to print, if it has not been printed.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Reported => None,
            other => Some(other.to_string()),
        }
    }

    /// Whether whatever comes next in this run would fail, too: Ctrl-C was pressed, the device is gone, nobody reads.
    pub fn is_final(&self) -> bool {
        use gpu::Error::Lost;
        use graph::Error::Gpu as InGraph;
        use pipeline::Error::{Cancelled, Gpu, Graph};
        matches!(
            self,
            Self::Output(_)
                | Self::Gpu(Lost { .. })
                | Self::Graph(InGraph(Lost { .. }))
                | Self::Pipeline(Cancelled | Gpu(Lost { .. }) | Graph(InGraph(Lost { .. })))
        )
    }

    /// 130 is what shells expect of a program that Ctrl-C ended.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Pipeline(pipeline::Error::Cancelled) => ExitCode::from(130),
            _ => ExitCode::FAILURE,
        }
    }
}
