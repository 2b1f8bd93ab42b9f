//! What a kernel reads and writes.

use std::ops::{Range, RangeInclusive};

use super::{Dtype, weights::Layout};

/// One storage binding of an op.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The variable's name in the WGSL.
    pub name: &'static str,
    /// Logical shape; of a weight, the shape in the checkpoint.
    pub shape: Vec<usize>,
    /// Element type on the device.
    pub dtype: Dtype,
    /// Input, weight or output.
    pub role: Role,
}

/// What a binding is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    /// An activation that is read.
    Input,
    /// A parameter of the model, re-laid at load.
    Weight(Layout),
    /// An activation that is written, every element of it.
    Output,
    /// An optional input that this op does not have; a few zero bytes are bound in its place.
    Absent,
}

impl Binding {
    /// An activation to read.
    pub fn input(name: &'static str, shape: &[usize], dtype: Dtype) -> Self {
        Self { name, shape: shape.to_vec(), dtype, role: Role::Input }
    }

    /// An activation to read, or nothing.
    pub fn optional(name: &'static str, present: bool, shape: &[usize], dtype: Dtype) -> Self {
        if present { Self::input(name, shape, dtype) } else { Self { name, shape: vec![0], dtype, role: Role::Absent } }
    }

    /// An activation to write.
    pub fn output(name: &'static str, shape: &[usize], dtype: Dtype) -> Self {
        Self { name, shape: shape.to_vec(), dtype, role: Role::Output }
    }

    /// A parameter of the model, of the checkpoint's shape.
    pub fn weight(name: &'static str, shape: &[usize], dtype: Dtype, layout: Layout) -> Self {
        Self { name, shape: shape.to_vec(), dtype, role: Role::Weight(layout) }
    }

    /// A parameter of the model, or nothing.
    pub fn optional_weight(name: &'static str, present: bool, shape: &[usize], dtype: Dtype, layout: Layout) -> Self {
        if present { Self::weight(name, shape, dtype, layout) } else { Self::optional(name, false, shape, dtype) }
    }

    /// Elements of the logical tensor (before any padding of weights).
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// The powers of 2 between which an activation may be scaled so that its squares and their sums stay normal numbers of f32, and
    /// it itself a normal number of its type; parameters, whole numbers and the coefficients of a step are left alone.
    pub fn scales(&self) -> RangeInclusive<i32> {
        match (&self.role, self.dtype) {
            _ if self.name == "step" => 0..=0,
            // Squares of values down to a 2^13th of the usual ones are normal: drivers may flush what is not.
            (Role::Input, Dtype::F32) => -50..=40,
            (Role::Input, Dtype::F16) => -8..=12,
            _ => 0..=0,
        }
    }

    /// Elements on the device.
    pub fn device_elements(&self) -> usize {
        match &self.role {
            Role::Weight(layout) => layout.device_elements(&self.shape),
            _ => self.elements(),
        }
    }
}

/// The part of a binding that a dispatch touches, in elements on the device.
#[derive(Clone, Debug, PartialEq)]
pub enum Span {
    /// All of it.
    All,
    /// These elements.
    Elements(Range<usize>),
}
