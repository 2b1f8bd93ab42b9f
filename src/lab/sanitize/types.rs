//! How values are held: as words of 32 bits, scalar after scalar, whatever their type; an integer of 64 bits is two, the lower one first.

use half::f16;
use naga::{ArraySize, Expression, Handle, Literal, Module, Scalar, ScalarKind, Type, TypeInner, VectorSize};

use super::Stop;

/// What a word means. An f16 is held as the f32 of the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    F32,
    F16,
    I32,
    U32,
    U64,
    Bool,
}

impl Kind {
    /// The kind of a scalar type.
    pub fn of(scalar: Scalar) -> Result<Self, Stop> {
        match (scalar.kind, scalar.width) {
            (ScalarKind::Float | ScalarKind::AbstractFloat, 4) | (ScalarKind::AbstractFloat, _) => Ok(Self::F32),
            (ScalarKind::Float, 2) => Ok(Self::F16),
            (ScalarKind::Sint, 4) | (ScalarKind::AbstractInt, _) => Ok(Self::I32),
            (ScalarKind::Uint, 4) => Ok(Self::U32),
            (ScalarKind::Uint, 8) => Ok(Self::U64),
            (ScalarKind::Bool, _) => Ok(Self::Bool),
            _ => Err(Stop::unknown("such numbers")),
        }
    }

    /// A word that was computed in f32, as this kind stores it.
    pub fn rounded(self, word: u32) -> u32 {
        if self == Self::F16 { self.float(f32::from_bits(word)) } else { word }
    }

    /// A float as this kind stores it.
    pub fn float(self, value: f32) -> u32 {
        if self == Self::F16 { f16::from_f32(value).to_f32().to_bits() } else { value.to_bits() }
    }
}

/// Words of a scalar.
pub fn width(scalar: Scalar) -> usize {
    let whole = matches!(scalar.kind, ScalarKind::Uint | ScalarKind::Sint);
    if whole && scalar.width == 8 { 2 } else { 1 }
}

/// The words of a type of known size.
pub fn words(module: &Module, inner: &TypeInner) -> Result<usize, Stop> {
    Ok(match inner {
        TypeInner::Scalar(scalar) => width(*scalar),
        TypeInner::Vector { size, scalar } => *size as usize * width(*scalar),
        TypeInner::Array { base, size: ArraySize::Constant(count), .. } => {
            count.get() as usize * stride(module, *base)?
        }
        TypeInner::Struct { members, .. } => {
            members.iter().map(|member| words(module, &module.types[member.ty].inner)).sum::<Result<_, _>>()?
        }
        TypeInner::Pointer { .. } | TypeInner::ValuePointer { .. } => 0,
        TypeInner::Matrix { .. } => return Err(Stop::unknown("matrices")),
        TypeInner::CooperativeMatrix { .. } => return Err(Stop::unknown("cooperative matrices")),
        TypeInner::Atomic(_) => return Err(Stop::unknown("atomics")),
        _ => return Err(Stop::unknown("other than numbers, vectors, arrays and structs")),
    })
}

/// The words from one element of an array to the next, as in a buffer: a vec3 takes the room of a vec4.
pub fn stride(module: &Module, base: Handle<Type>) -> Result<usize, Stop> {
    match &module.types[base].inner {
        TypeInner::Vector { size: VectorSize::Tri, scalar } => Ok(4 * width(*scalar)),
        inner => words(module, inner),
    }
}

/// A literal as a word.
pub fn literal(value: Literal) -> Result<u32, Stop> {
    Ok(match value {
        Literal::F32(v) => v.to_bits(),
        Literal::F16(v) => v.to_f32().to_bits(),
        Literal::AbstractFloat(v) => (v as f32).to_bits(),
        Literal::U32(v) => v,
        Literal::I32(v) => v as u32,
        Literal::AbstractInt(v) => v as u32,
        Literal::Bool(v) => v.into(),
        _ => return Err(Stop::unknown("such numbers")),
    })
}

/// The words of a module's constant expression.
pub fn constant(module: &Module, expression: Handle<Expression>) -> Result<Vec<u32>, Stop> {
    Ok(match &module.global_expressions[expression] {
        Expression::Literal(value) => vec![literal(*value)?],
        Expression::Constant(handle) => constant(module, module.constants[*handle].init)?,
        Expression::ZeroValue(ty) => vec![0; words(module, &module.types[*ty].inner)?],
        Expression::Splat { size, value } => constant(module, *value)?.repeat(*size as usize),
        Expression::Compose { components, .. } => {
            let parts = components.iter().map(|&part| constant(module, part)).collect::<Result<Vec<_>, _>>()?;
            parts.concat()
        }
        _ => return Err(Stop::unknown("constants that are computed")),
    })
}
