//! The values of expressions, for all threads of a path at once.

use std::mem;

use naga::{ArraySize, BinaryOperator, Expression as E, Handle, RelationalFunction, TypeInner};

use super::{
    Stop, arithmetic,
    frame::Mask,
    machine::{Machine, count},
    slot::{NOWHERE, Root, Slot},
    types::{Kind, stride, width, words},
};

/// How an index steps through what it indexes: words from one element to the next, and how many elements there are.
struct Steps {
    stride: usize,
    length: usize,
}

impl Machine<'_> {
    /// Computes an expression for the threads of a path.
    pub fn evaluate(&mut self, frame: usize, expression: Handle<E>, mask: &Mask) -> Result<(), Stop> {
        let function = self.function(frame);
        self.memory.span = function.expressions.get_span(expression);
        let active = count(mask) as u64;
        self.budget = self.budget.checked_sub(active).ok_or(Stop::Budget)?;
        match &function.expressions[expression] {
            E::Load { pointer } => self.load(frame, *pointer, expression, mask),
            E::Access { base, index } => {
                self.ready(frame, *base)?;
                self.ready(frame, *index)?;
                self.access(frame, expression, *base, *index, mask)
            }
            E::AccessIndex { base, index } => {
                self.ready(frame, *base)?;
                self.member(frame, expression, *base, *index as usize, mask)
            }
            other => self.compute(frame, expression, other, mask),
        }
    }

    /// What behind a pointer lies.
    pub fn load(&mut self, frame: usize, pointer: Handle<E>, result: Handle<E>, mask: &Mask) -> Result<(), Stop> {
        self.ready(frame, pointer)?;
        let count = self.count(frame, result)?;
        let mut out = mem::take(&mut self.frames[frame].values[result.index()]);
        let Slot::Pointer { root, at } = &self.frames[frame].values[pointer.index()] else {
            return Err(Stop::unknown("such loads"));
        };
        self.memory.load(&self.frames, *root, at, count, mask, out.room(count, self.lanes));
        self.frames[frame].values[result.index()] = out;
        Ok(())
    }

    /// The steps of an index into a type; `root`: of what the type is all of, if it is a pointer to a buffer.
    fn steps(&self, inner: &TypeInner, root: Option<Root>) -> Result<Steps, Stop> {
        match inner {
            TypeInner::Array { base, size, .. } => {
                let stride = stride(self.module, *base)?;
                let length = match size {
                    ArraySize::Constant(count) => count.get() as usize,
                    _ => root.map_or(0, |root| self.memory.len(root)) / stride.max(1),
                };
                Ok(Steps { stride, length })
            }
            TypeInner::Vector { size, scalar } => Ok(Steps { stride: width(*scalar), length: *size as usize }),
            _ => Err(Stop::unknown("such indices")),
        }
    }

    /// What a pointer points to, or the type itself.
    fn pointee<'t>(&'t self, inner: &'t TypeInner) -> TypeInner {
        match inner {
            TypeInner::Pointer { base, .. } => self.module.types[*base].inner.clone(),
            TypeInner::ValuePointer { size: Some(size), scalar, .. } => {
                TypeInner::Vector { size: *size, scalar: *scalar }
            }
            other => other.clone(),
        }
    }

    fn access(
        &mut self,
        frame: usize,
        result: Handle<E>,
        base: Handle<E>,
        index: Handle<E>,
        mask: &Mask,
    ) -> Result<(), Stop> {
        let inner = self.pointee(self.inner(frame, base));
        let root = match &self.frames[frame].values[base.index()] {
            Slot::Pointer { root, .. } => Some(*root),
            _ => None,
        };
        let Steps { stride, length } = self.steps(&inner, root)?;
        let count = if root.is_some() { 0 } else { self.count(frame, result)? };
        let mut out = mem::take(&mut self.frames[frame].values[result.index()]);
        let values = &self.frames[frame].values;
        let (from, by) = (&values[base.index()], &values[index.index()]);
        let mut beyond = None;
        for lane in (0..self.lanes).filter(|&lane| mask[lane]) {
            let asked = by.word(lane, 0);
            let inside = (asked as usize) < length;
            if !inside {
                beyond.get_or_insert((lane, asked));
            }
            let at = if inside { asked as usize * stride } else { 0 };
            match (root, from) {
                (Some(root), Slot::Pointer { at: start, .. }) => {
                    if !matches!(&out, Slot::Pointer { root: has, .. } if *has == root) {
                        out = Slot::Pointer { root, at: vec![0; self.lanes] };
                    }
                    if let Slot::Pointer { at: to, .. } = &mut out {
                        to[lane] = if inside { moved(start[lane], at) } else { NOWHERE };
                    }
                }
                _ => {
                    let value: Vec<u32> = (0..count).map(|word| from.word(lane, at + word)).collect();
                    out.set(lane, self.lanes, &value);
                }
            }
        }
        self.frames[frame].values[result.index()] = out;
        if let Some((lane, asked)) = beyond {
            let name = root.map_or("a value", |root| self.memory.name(root));
            let told = || format!("thread {lane} asks for element {} of {name}, which has {length}", asked as i32);
            self.memory.fault("beyond", told);
        }
        Ok(())
    }

    fn member(
        &mut self,
        frame: usize,
        result: Handle<E>,
        base: Handle<E>,
        index: usize,
        mask: &Mask,
    ) -> Result<(), Stop> {
        let inner = self.pointee(self.inner(frame, base));
        let start = match &inner {
            TypeInner::Struct { members, .. } => {
                let before = members.iter().take(index);
                before
                    .map(|member| words(self.module, &self.module.types[member.ty].inner))
                    .sum::<Result<usize, _>>()?
            }
            other => {
                let root = match &self.frames[frame].values[base.index()] {
                    Slot::Pointer { root, .. } => Some(*root),
                    _ => None,
                };
                let Steps { stride, length } = self.steps(other, root)?;
                if index >= length {
                    let name = root.map_or("a value", |root| self.memory.name(root));
                    self.memory.fault("beyond", || format!("element {index} of {name}, which has {length}"));
                }
                index.min(length.saturating_sub(1)) * stride
            }
        };
        let is_pointer = matches!(self.frames[frame].values[base.index()], Slot::Pointer { .. });
        let count = if is_pointer { 0 } else { self.count(frame, result)? };
        let mut out = mem::take(&mut self.frames[frame].values[result.index()]);
        match &self.frames[frame].values[base.index()] {
            Slot::Pointer { root, at } => {
                out = Slot::Pointer { root: *root, at: at.iter().map(|&at| moved(at, start)).collect() };
            }
            from => {
                let room = out.room(count, self.lanes);
                for lane in (0..self.lanes).filter(|&lane| mask[lane]) {
                    (0..count).for_each(|word| room[lane * count + word] = from.word(lane, start + word));
                }
            }
        }
        self.frames[frame].values[result.index()] = out;
        Ok(())
    }

    /// The kind of an operand's scalars.
    fn kind(&self, frame: usize, operand: Handle<E>) -> Result<Kind, Stop> {
        let scalar = self.inner(frame, operand).scalar();
        Kind::of(scalar.ok_or_else(|| Stop::unknown("arithmetic with other than numbers and vectors"))?)
    }

    /// Integers of 64 bits are loaded, shifted and joined; more is not known of them.
    fn check_wide(&self, frame: usize, expression: &E, operands: [Handle<E>; 2]) -> Result<(), Stop> {
        let wide = |of| self.inner(frame, of).scalar().is_some_and(|scalar| width(scalar) > 1);
        let known = match expression {
            E::Compose { .. } | E::ArrayLength(_) | E::As { .. } => true,
            E::Binary { op, .. } => {
                use BinaryOperator::{InclusiveOr, ShiftLeft, ShiftRight};
                matches!(op, InclusiveOr | ShiftLeft | ShiftRight)
            }
            _ => false,
        };
        match known || !operands.into_iter().any(wide) {
            true => Ok(()),
            false => Err(Stop::unknown("such arithmetic with integers of 64 bits")),
        }
    }

    /// An expression that takes values to a value.
    fn compute(&mut self, frame: usize, result: Handle<E>, expression: &E, mask: &Mask) -> Result<(), Stop> {
        let [a, b, c] = match expression {
            E::Compose { components, .. } => {
                for &component in components {
                    self.ready(frame, component)?;
                }
                [components.first().copied(), None, None]
            }
            E::Splat { value: a, .. } | E::Swizzle { vector: a, .. } | E::ArrayLength(a) => [Some(*a), None, None],
            E::Unary { expr: a, .. } | E::As { expr: a, .. } | E::Relational { argument: a, .. } => {
                [Some(*a), None, None]
            }
            E::Binary { left, right, .. } => [Some(*left), Some(*right), None],
            E::Select { condition, accept, reject } => [Some(*condition), Some(*accept), Some(*reject)],
            E::Math { arg3: Some(_), .. } => return Err(Stop::unknown("functions of four arguments")),
            E::Math { arg, arg1, arg2, .. } => [Some(*arg), *arg1, *arg2],
            _ => return Err(Stop::unknown("expressions other than those of plain compute shaders")),
        };
        for operand in [a, b, c].into_iter().flatten() {
            self.ready(frame, operand)?;
        }
        let first = a.ok_or_else(|| Stop::unknown("values of nothing"))?;
        self.check_wide(frame, expression, [first, result])?;
        let count = self.count(frame, result)?;
        let length = match (expression, &self.frames[frame].values[first.index()]) {
            (E::ArrayLength(pointer), Slot::Pointer { root, .. }) => {
                self.steps(&self.pointee(self.inner(frame, *pointer)), Some(*root))?.length as u32
            }
            _ => 0,
        };
        let kind = match expression {
            E::Unary { .. } | E::Binary { .. } | E::Math { .. } | E::As { .. } => self.kind(frame, first)?,
            _ => Kind::U32,
        };
        let mut out = mem::take(&mut self.frames[frame].values[result.index()]);
        let values = &self.frames[frame].values;
        let slot = |operand: Option<Handle<E>>| operand.map_or(&Slot::Empty, |operand| &values[operand.index()]);
        let [x, y, z] = [slot(a), slot(b), slot(c)];
        let room = out.room(count, self.lanes);
        let lanes =
            room.chunks_exact_mut(count.max(1)).enumerate().zip(mask).filter(|(_, on)| **on).map(|(lane, _)| lane);
        match expression {
            E::Compose { components, .. } => {
                for (lane, to) in lanes {
                    let mut at = 0;
                    for component in components {
                        let part = &values[component.index()];
                        (0..part.count()).for_each(|word| to[at + word] = part.word(lane, word));
                        at += part.count();
                    }
                }
            }
            E::Splat { .. } => lanes.for_each(|(lane, to)| to.fill(x.word(lane, 0))),
            E::Swizzle { pattern, .. } => lanes.for_each(|(lane, to)| {
                to.iter_mut().zip(pattern).for_each(|(to, at)| *to = x.word(lane, *at as usize));
            }),
            E::Unary { op, .. } => each(lanes, |lane, word| arithmetic::unary(*op, kind, x.word(lane, word))),
            E::Binary { op: BinaryOperator::InclusiveOr, .. } if kind == Kind::U64 => {
                each(lanes, |lane, word| x.word(lane, word) | y.word(lane, word));
            }
            E::Binary { op, .. } if kind == Kind::U64 => {
                let left = *op == BinaryOperator::ShiftLeft;
                each(lanes, |lane, word| {
                    let [low, high] = [0, 1].map(|half| x.word(lane, word / 2 * 2 + half));
                    arithmetic::shifted([low, high], y.word(lane, word / 2), left)[word % 2]
                });
            }
            E::Binary { op, .. } => {
                let apply = arithmetic::binary(*op, kind);
                match is_comparison(*op) {
                    true => each(lanes, |lane, word| apply(x.word(lane, word), y.word(lane, word))),
                    false => each(lanes, |lane, word| kind.rounded(apply(x.word(lane, word), y.word(lane, word)))),
                }
            }
            E::Select { .. } => {
                each(lanes, |lane, word| if x.word(lane, word) != 0 { y.word(lane, word) } else { z.word(lane, word) })
            }
            E::Relational { fun, .. } => lanes.for_each(|(lane, to)| relate(*fun, x, lane, to)),
            E::As { kind: target, convert, .. } => {
                let target = Kind::of(naga::Scalar { kind: *target, width: convert.unwrap_or(4) })?;
                arithmetic::check_cast(kind, target, convert.is_none())?;
                match (kind, target) {
                    (Kind::U64, Kind::U32) => each(lanes, |lane, word| x.word(lane, 2 * word)),
                    (Kind::U32, Kind::U64) => {
                        each(lanes, |lane, word| if word % 2 == 0 { x.word(lane, word / 2) } else { 0 });
                    }
                    _ => {
                        each(lanes, |lane, word| arithmetic::cast(kind, target, convert.is_none(), x.word(lane, word)))
                    }
                }
            }
            E::Math { fun, .. } if arithmetic::is_of_vectors(*fun) => {
                for (lane, to) in lanes {
                    to.copy_from_slice(&arithmetic::of_vectors(*fun, kind, &x.of(lane), &y.of(lane)));
                }
            }
            E::Math { fun, .. } => {
                let apply = arithmetic::of_scalars(*fun, kind)?;
                each(lanes, |lane, word| kind.rounded(apply([x, y, z].map(|slot| slot.word(lane, word)))));
            }
            _ => lanes.for_each(|(_, to)| to.fill(length)),
        }
        self.frames[frame].values[result.index()] = out;
        Ok(())
    }
}

/// Sets every word of every thread.
fn each<'w>(lanes: impl Iterator<Item = (usize, &'w mut [u32])>, value: impl Fn(usize, usize) -> u32) {
    for (lane, to) in lanes {
        to.iter_mut().enumerate().for_each(|(word, to)| *to = value(lane, word));
    }
}

fn is_comparison(op: BinaryOperator) -> bool {
    use BinaryOperator::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    matches!(op, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
}

/// A pointer moved on by some words.
fn moved(at: u32, by: usize) -> u32 {
    if at == NOWHERE { NOWHERE } else { at + by as u32 }
}

fn relate(fun: RelationalFunction, slot: &Slot, lane: usize, to: &mut [u32]) {
    let words = || (0..slot.count()).map(|word| slot.word(lane, word));
    match fun {
        RelationalFunction::All => to.fill(words().all(|word| word != 0).into()),
        RelationalFunction::Any => to.fill(words().any(|word| word != 0).into()),
        RelationalFunction::IsNan => {
            to.iter_mut().zip(words()).for_each(|(to, word)| *to = f32::from_bits(word).is_nan().into());
        }
        RelationalFunction::IsInf => {
            to.iter_mut().zip(words()).for_each(|(to, word)| *to = f32::from_bits(word).is_infinite().into());
        }
    }
}
