//! Kinds of instructions, and how often each occurs.

use serde::{Serialize, Serializer, ser::SerializeMap};

/// What an instruction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Reads a storage buffer.
    StorageLoad,
    /// Writes a storage buffer.
    StorageStore,
    /// Reads the uniform parameters.
    UniformLoad,
    /// Reads workgroup memory.
    WorkgroupLoad,
    /// Writes workgroup memory.
    WorkgroupStore,
    /// Reads a variable of a function: a register, unless too many are alive or it is indexed.
    VariableLoad,
    /// Writes one.
    VariableStore,
    /// `fma`.
    MultiplyAdd,
    /// A dot product.
    Dot,
    /// Any other floating-point arithmetic: sums, products, quotients, minima.
    Float,
    /// Exponentials, logarithms, powers, roots, trigonometry.
    Transcendental,
    /// Integer and bit arithmetic.
    Integer,
    /// Comparisons, logic, `select`.
    Compare,
    /// Conversions between types, packing and unpacking.
    Convert,
    /// Taking vectors and structures apart and putting them together.
    Shuffle,
    /// Computes where something lies: an index into memory.
    Address,
    /// The length of a buffer.
    Length,
    /// A subgroup operation.
    Subgroup,
    /// A load, store or product of cooperative matrices.
    Matrix,
    /// A barrier.
    Barrier,
    /// An atomic operation.
    Atomic,
    /// Branches, loops, returns.
    Branch,
    /// Anything else.
    Other,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 23] = [
        Self::StorageLoad,
        Self::StorageStore,
        Self::UniformLoad,
        Self::WorkgroupLoad,
        Self::WorkgroupStore,
        Self::VariableLoad,
        Self::VariableStore,
        Self::MultiplyAdd,
        Self::Dot,
        Self::Float,
        Self::Transcendental,
        Self::Integer,
        Self::Compare,
        Self::Convert,
        Self::Shuffle,
        Self::Address,
        Self::Length,
        Self::Subgroup,
        Self::Matrix,
        Self::Barrier,
        Self::Atomic,
        Self::Branch,
        Self::Other,
    ];

    /// Its name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StorageLoad => "storage load",
            Self::StorageStore => "storage store",
            Self::UniformLoad => "uniform load",
            Self::WorkgroupLoad => "workgroup load",
            Self::WorkgroupStore => "workgroup store",
            Self::VariableLoad => "variable load",
            Self::VariableStore => "variable store",
            Self::MultiplyAdd => "multiply-add",
            Self::Dot => "dot product",
            Self::Float => "other float",
            Self::Transcendental => "transcendental",
            Self::Integer => "integer",
            Self::Compare => "compare, select",
            Self::Convert => "convert",
            Self::Shuffle => "vector shuffle",
            Self::Address => "address",
            Self::Length => "buffer length",
            Self::Subgroup => "subgroup",
            Self::Matrix => "matrix",
            Self::Barrier => "barrier",
            Self::Atomic => "atomic",
            Self::Branch => "branch",
            Self::Other => "other",
        }
    }
}

/// How many instructions there are of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts([i64; Kind::ALL.len()]);

impl Counts {
    /// Counts `count` more of a kind.
    pub fn add(&mut self, kind: Kind, count: i64) {
        self.0[kind as usize] += count;
    }

    /// How many there are of a kind.
    pub fn of(&self, kind: Kind) -> i64 {
        self.0[kind as usize]
    }

    /// How many there are in all.
    pub fn total(&self) -> i64 {
        self.0.iter().sum()
    }

    /// The kinds that occur, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, i64)> + '_ {
        Kind::ALL.into_iter().map(|kind| (kind, self.of(kind))).filter(|&(_, count)| count != 0)
    }
}

impl std::ops::AddAssign<&Counts> for Counts {
    fn add_assign(&mut self, other: &Counts) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a += b);
    }
}

impl std::ops::Sub for &Counts {
    type Output = Counts;

    fn sub(self, other: &Counts) -> Counts {
        Counts(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.iter().try_for_each(|(kind, count)| map.serialize_entry(kind.name(), &count))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_listed_in_their_order() {
        assert!(Kind::ALL.iter().enumerate().all(|(i, &kind)| kind as usize == i));
    }
}
