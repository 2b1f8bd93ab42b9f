//! What operators and built-in functions do to scalars.

use half::f16;
use naga::{BinaryOperator as Op, MathFunction as Fun, UnaryOperator};

use super::{Stop, types::Kind};

fn f(word: u32) -> f32 {
    f32::from_bits(word)
}

/// `a op b` of two scalars.
pub type Binary = fn(u32, u32) -> u32;

/// What an operator does to two scalars of one kind; a float's result is still to be rounded to that kind.
pub fn binary(op: Op, kind: Kind) -> Binary {
    let float = matches!(kind, Kind::F32 | Kind::F16);
    match (op, kind) {
        (Op::Add, _) if float => |a, b| (f(a) + f(b)).to_bits(),
        (Op::Subtract, _) if float => |a, b| (f(a) - f(b)).to_bits(),
        (Op::Multiply, _) if float => |a, b| (f(a) * f(b)).to_bits(),
        (Op::Divide, _) if float => |a, b| (f(a) / f(b)).to_bits(),
        (Op::Modulo, _) if float => |a, b| (f(a) % f(b)).to_bits(),
        (Op::Less, _) if float => |a, b| (f(a) < f(b)).into(),
        (Op::LessEqual, _) if float => |a, b| (f(a) <= f(b)).into(),
        (Op::Greater, _) if float => |a, b| (f(a) > f(b)).into(),
        (Op::GreaterEqual, _) if float => |a, b| (f(a) >= f(b)).into(),
        (Op::Equal, _) if float => |a, b| (f(a) == f(b)).into(),
        (Op::NotEqual, _) if float => |a, b| (f(a) != f(b)).into(),
        (Op::Add, _) => u32::wrapping_add,
        (Op::Subtract, _) => u32::wrapping_sub,
        (Op::Multiply, _) => u32::wrapping_mul,
        // A division by 0 gives the dividend, its remainder 0.
        (Op::Divide, Kind::I32) => |a, b| if b == 0 { a } else { (a as i32).wrapping_div(b as i32) as u32 },
        (Op::Modulo, Kind::I32) => |a, b| if b == 0 { 0 } else { (a as i32).wrapping_rem(b as i32) as u32 },
        (Op::Divide, _) => |a, b| a.checked_div(b).unwrap_or(a),
        (Op::Modulo, _) => |a, b| a.checked_rem(b).unwrap_or(0),
        (Op::Equal, _) => |a, b| (a == b).into(),
        (Op::NotEqual, _) => |a, b| (a != b).into(),
        (Op::Less, Kind::I32) => |a, b| ((a as i32) < b as i32).into(),
        (Op::LessEqual, Kind::I32) => |a, b| (a as i32 <= b as i32).into(),
        (Op::Greater, Kind::I32) => |a, b| (a as i32 > b as i32).into(),
        (Op::GreaterEqual, Kind::I32) => |a, b| (a as i32 >= b as i32).into(),
        (Op::Less, _) => |a, b| (a < b).into(),
        (Op::LessEqual, _) => |a, b| (a <= b).into(),
        (Op::Greater, _) => |a, b| (a > b).into(),
        (Op::GreaterEqual, _) => |a, b| (a >= b).into(),
        (Op::And | Op::LogicalAnd, _) => |a, b| a & b,
        (Op::InclusiveOr | Op::LogicalOr, _) => |a, b| a | b,
        (Op::ExclusiveOr, _) => |a, b| a ^ b,
        (Op::ShiftLeft, _) => |a, b| a << (b & 31),
        (Op::ShiftRight, Kind::I32) => |a, b| (a as i32 >> (b & 31)) as u32,
        (Op::ShiftRight, _) => |a, b| a >> (b & 31),
    }
}

/// A unary operator.
pub fn unary(op: UnaryOperator, kind: Kind, a: u32) -> u32 {
    match (op, kind) {
        (UnaryOperator::Negate, Kind::F32 | Kind::F16) => (-f(a)).to_bits(),
        (UnaryOperator::Negate, _) => (a as i32).wrapping_neg() as u32,
        (UnaryOperator::LogicalNot, _) => a ^ 1,
        (UnaryOperator::BitwiseNot, _) => !a,
    }
}

/// Conversion of a value, or of its bits.
pub fn cast(from: Kind, to: Kind, bits: bool, a: u32) -> u32 {
    match (from, to) {
        (Kind::F16, Kind::F16) | (Kind::F32, Kind::F32) => a,
        _ if bits => a,
        (Kind::F32 | Kind::F16, Kind::F32 | Kind::F16) => to.float(f(a)),
        (Kind::F32 | Kind::F16, Kind::I32) => f(a) as i32 as u32,
        (Kind::F32 | Kind::F16, Kind::U32) => f(a) as u32,
        (Kind::F32 | Kind::F16, Kind::Bool) => (f(a) != 0.0).into(),
        (Kind::I32, Kind::F32 | Kind::F16) => to.float(a as i32 as f32),
        (_, Kind::F32 | Kind::F16) => to.float(a as f32),
        (_, Kind::Bool) => (a != 0).into(),
        _ => a,
    }
}

/// An integer of 64 bits, lower word first, shifted to the left or right.
pub fn shifted([low, high]: [u32; 2], by: u32, left: bool) -> [u32; 2] {
    let value = u64::from(low) | u64::from(high) << 32;
    let value = if left { value << (by & 63) } else { value >> (by & 63) };
    [value as u32, (value >> 32) as u32]
}

/// An f16 is not held as its own bits; of an integer of 64 bits only the conversion from and to one of 32 is known.
pub fn check_cast(from: Kind, to: Kind, bits: bool) -> Result<(), Stop> {
    if (from == Kind::U64 || to == Kind::U64) && (bits || from != to && from != Kind::U32 && to != Kind::U32) {
        return Err(Stop::unknown("such conversions of integers of 64 bits"));
    }
    match bits && from != to && (from == Kind::F16 || to == Kind::F16) {
        true => Err(Stop::unknown("the bits of an f16")),
        false => Ok(()),
    }
}

/// Is a function one of whole vectors?
pub fn is_of_vectors(fun: Fun) -> bool {
    matches!(fun, Fun::Dot | Fun::Length | Fun::Distance | Fun::Normalize | Fun::Unpack2x16float | Fun::Pack2x16float)
}

/// Functions of whole vectors.
pub fn of_vectors(fun: Fun, kind: Kind, a: &[u32], b: &[u32]) -> Vec<u32> {
    let dot = |a: &[u32], b: &[u32]| a.iter().zip(b).map(|(&a, &b)| f(a) * f(b)).sum::<f32>();
    let bits = |v: f32| vec![kind.float(v)];
    match fun {
        Fun::Dot if matches!(kind, Kind::F32 | Kind::F16) => bits(dot(a, b)),
        Fun::Dot => vec![a.iter().zip(b).fold(0u32, |sum, (a, b)| sum.wrapping_add(a.wrapping_mul(*b)))],
        Fun::Length => bits(dot(a, a).sqrt()),
        Fun::Distance => bits(a.iter().zip(b).map(|(&a, &b)| (f(a) - f(b)).powi(2)).sum::<f32>().sqrt()),
        Fun::Normalize => {
            let length = dot(a, a).sqrt();
            a.iter().map(|&v| kind.float(f(v) / length)).collect()
        }
        Fun::Unpack2x16float => {
            [a[0] as u16, (a[0] >> 16) as u16].map(|half| f16::from_bits(half).to_f32().to_bits()).to_vec()
        }
        _ => {
            let half = |i: usize| u32::from(f16::from_f32(f(a.get(i).copied().unwrap_or_default())).to_bits());
            vec![half(0) | half(1) << 16]
        }
    }
}

/// What a function makes of up to three scalars.
pub type Scalars = fn([u32; 3]) -> u32;

/// Functions that act on every component alike; a float's result is still to be rounded to its kind.
pub fn of_scalars(fun: Fun, kind: Kind) -> Result<Scalars, Stop> {
    macro_rules! float {
        (|$x:ident, $y:ident, $z:ident| $v:expr) => {
            |[$x, $y, $z]| {
                let ($x, $y, $z) = (f($x), f($y), f($z));
                let _ = ($y, $z);
                let v: f32 = $v;
                v.to_bits()
            }
        };
    }
    let signed = kind == Kind::I32;
    let apply: Scalars = match (fun, kind) {
        (Fun::Abs, Kind::F32 | Kind::F16) => float!(|x, y, z| x.abs()),
        (Fun::Min, Kind::F32 | Kind::F16) => float!(|x, y, z| x.min(y)),
        (Fun::Max, Kind::F32 | Kind::F16) => float!(|x, y, z| x.max(y)),
        (Fun::Clamp, Kind::F32 | Kind::F16) => float!(|x, y, z| x.max(y).min(z)),
        (Fun::Sign, Kind::F32 | Kind::F16) => float!(|x, y, z| if x == 0.0 { 0.0 } else { x.signum() }),
        (Fun::Saturate, _) => float!(|x, y, z| x.clamp(0.0, 1.0)),
        (Fun::Cos, _) => float!(|x, y, z| x.cos()),
        (Fun::Cosh, _) => float!(|x, y, z| x.cosh()),
        (Fun::Sin, _) => float!(|x, y, z| x.sin()),
        (Fun::Sinh, _) => float!(|x, y, z| x.sinh()),
        (Fun::Tan, _) => float!(|x, y, z| x.tan()),
        (Fun::Tanh, _) => float!(|x, y, z| x.tanh()),
        (Fun::Acos, _) => float!(|x, y, z| x.acos()),
        (Fun::Asin, _) => float!(|x, y, z| x.asin()),
        (Fun::Atan, _) => float!(|x, y, z| x.atan()),
        (Fun::Atan2, _) => float!(|x, y, z| x.atan2(y)),
        (Fun::Ceil, _) => float!(|x, y, z| x.ceil()),
        (Fun::Floor, _) => float!(|x, y, z| x.floor()),
        (Fun::Round, _) => float!(|x, y, z| x.round_ties_even()),
        (Fun::Fract, _) => float!(|x, y, z| x - x.floor()),
        (Fun::Trunc, _) => float!(|x, y, z| x.trunc()),
        (Fun::Exp, _) => float!(|x, y, z| x.exp()),
        (Fun::Exp2, _) => float!(|x, y, z| x.exp2()),
        (Fun::Log, _) => float!(|x, y, z| x.ln()),
        (Fun::Log2, _) => float!(|x, y, z| x.log2()),
        (Fun::Pow, _) => float!(|x, y, z| x.powf(y)),
        (Fun::Fma, _) => float!(|x, y, z| x.mul_add(y, z)),
        (Fun::Mix, _) => float!(|x, y, z| x * (1.0 - z) + y * z),
        (Fun::Step, _) => float!(|x, y, z| if y < x { 0.0 } else { 1.0 }),
        (Fun::SmoothStep, _) => float!(|x, y, z| {
            let t = ((z - x) / (y - x)).clamp(0.0, 1.0);
            t * t * (3.0 - 2.0 * t)
        }),
        (Fun::Sqrt, _) => float!(|x, y, z| x.sqrt()),
        (Fun::InverseSqrt, _) => float!(|x, y, z| 1.0 / x.sqrt()),
        (Fun::Radians, _) => float!(|x, y, z| x.to_radians()),
        (Fun::Degrees, _) => float!(|x, y, z| x.to_degrees()),
        (Fun::QuantizeToF16, _) => float!(|x, y, z| f16::from_f32(x).to_f32()),
        (Fun::Abs, Kind::I32) => |[a, ..]| (a as i32).wrapping_abs() as u32,
        (Fun::Abs, _) => |[a, ..]| a,
        (Fun::Min, Kind::I32) => |[a, b, _]| (a as i32).min(b as i32) as u32,
        (Fun::Max, Kind::I32) => |[a, b, _]| (a as i32).max(b as i32) as u32,
        (Fun::Clamp, Kind::I32) => |[a, b, c]| (a as i32).max(b as i32).min(c as i32) as u32,
        (Fun::Min, _) => |[a, b, _]| a.min(b),
        (Fun::Max, _) => |[a, b, _]| a.max(b),
        (Fun::Clamp, _) => |[a, b, c]| a.max(b).min(c),
        (Fun::Sign, _) => |[a, ..]| (a as i32).signum() as u32,
        (Fun::CountOneBits, _) => |[a, ..]| a.count_ones(),
        (Fun::CountLeadingZeros, _) => |[a, ..]| a.leading_zeros(),
        (Fun::CountTrailingZeros, _) => |[a, ..]| a.trailing_zeros(),
        (Fun::ReverseBits, _) => |[a, ..]| a.reverse_bits(),
        (Fun::FirstTrailingBit, _) => |[a, ..]| if a == 0 { u32::MAX } else { a.trailing_zeros() },
        (Fun::FirstLeadingBit, Kind::U32) => |[a, ..]| 31u32.wrapping_sub(a.leading_zeros()),
        (Fun::ExtractBits, _) if !signed => |[a, b, c]| {
            let (offset, count) = (b.min(32), c.min(32 - b.min(32)));
            if count == 0 { 0 } else { (a << (32 - offset - count)) >> (32 - count) }
        },
        _ => return Err(Stop::unknown(&format!("the function {fun:?} of such numbers"))),
    };
    Ok(apply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_wrap_and_division_by_0_is_defined() {
        let word = |op, kind, a: i32, b: i32| binary(op, kind)(a as u32, b as u32);
        assert_eq!(word(Op::Subtract, Kind::U32, 3, 5), u32::MAX - 1);
        assert_eq!([word(Op::Divide, Kind::U32, 7, 0), word(Op::Modulo, Kind::I32, -7, 0)], [7, 0]);
        assert_eq!(word(Op::Divide, Kind::I32, -7, 2) as i32, -3);
        assert_eq!(word(Op::ShiftRight, Kind::I32, -8, 1) as i32, -4);
        assert_eq!([word(Op::Less, Kind::I32, -1, 1), word(Op::Less, Kind::U32, -1, 1)], [1, 0]);
    }

    #[test]
    fn functions_are_those_of_wgsl() {
        let float = |fun, args: [f32; 3]| f(of_scalars(fun, Kind::F32).unwrap()(args.map(f32::to_bits)));
        assert_eq!(float(Fun::Round, [2.5, 0.0, 0.0]), 2.0); // to even
        assert_eq!(float(Fun::Clamp, [5.0, 0.0, 3.0]), 3.0);
        assert_eq!(float(Fun::Fma, [2.0, 3.0, 4.0]), 10.0);
        let bits = of_scalars(Fun::ExtractBits, Kind::U32).unwrap();
        assert_eq!([bits([0xabcd, 4, 8]), bits([0xabcd, 0, 0]), bits([7, 40, 3])], [0xbc, 0, 0]);
        let packed = of_vectors(Fun::Pack2x16float, Kind::F32, &[1f32.to_bits(), (-2f32).to_bits()], &[]);
        assert_eq!(packed, [0xc000_3c00]);
        assert_eq!(of_vectors(Fun::Unpack2x16float, Kind::U32, &packed, &[]), [1f32.to_bits(), (-2f32).to_bits()]);
        assert_eq!(cast(Kind::F32, Kind::U32, false, (-3f32).to_bits()), 0);
        assert!(of_scalars(Fun::Modf, Kind::F32).is_err());
        assert_eq!([shifted([5, 7], 32, false), shifted([5, 7], 33, true)], [[7, 0], [0, 10]]);
    }
}
