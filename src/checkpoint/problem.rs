//! What does not fit between a network and its weight files.

use std::fmt;

use super::kind::ComponentKind;

/// A tensor that does not fit; displayed as one line that begins with `component/tensor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The network needs it and the files have no such tensor.
    Missing {
        /// The network.
        component: ComponentKind,
        /// The name of the tensor.
        name: String,
        /// The shape that the network needs.
        expected: Vec<usize>,
    },
    /// The files have it and the network has no place for it.
    Unexpected {
        /// The network.
        component: ComponentKind,
        /// The name of the tensor.
        name: String,
        /// The shape in the files.
        found: Vec<usize>,
    },
    /// It has another shape than the network needs.
    Misshapen {
        /// The network.
        component: ComponentKind,
        /// The name of the tensor.
        name: String,
        /// The shape that the network needs.
        expected: Vec<usize>,
        /// The shape in the files.
        found: Vec<usize>,
    },
    /// Its elements are not numbers that weights are read from.
    Dtype {
        /// The network.
        component: ComponentKind,
        /// The name of the tensor.
        name: String,
        /// The type's name in safetensors, e.g. `I64`.
        found: String,
    },
}

impl Problem {
    /// The network whose tensor this is.
    pub fn component(&self) -> ComponentKind {
        match self {
            Self::Missing { component, .. }
            | Self::Unexpected { component, .. }
            | Self::Misshapen { component, .. }
            | Self::Dtype { component, .. } => *component,
        }
    }

    /// The tensor's name within its component.
    pub fn name(&self) -> &str {
        match self {
            Self::Missing { name, .. }
            | Self::Unexpected { name, .. }
            | Self::Misshapen { name, .. }
            | Self::Dtype { name, .. } => name,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}: ", self.component(), self.name().escape_debug())?;
        match self {
            Self::Missing { expected, .. } => write!(f, "missing, expected {expected:?}"),
            Self::Unexpected { found, .. } => write!(f, "unexpected, found {found:?}"),
            Self::Misshapen { expected, found, .. } => write!(f, "expected {expected:?}, found {found:?}"),
            Self::Dtype { found, .. } => write!(f, "expected F32, F16 or BF16, found {found}"),
        }
    }
}
