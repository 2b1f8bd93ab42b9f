//! What a shader does before a driver's compiler sees it: counted in naga's module.

use std::collections::HashMap;

use naga::{
    AddressSpace, BinaryOperator, Block, Expression, Function, Handle, MathFunction, Module, ScalarKind, Statement,
    TypeInner, valid::FunctionInfo,
};

use super::kinds::{Counts, Kind};
use crate::kernel::Parsed;

/// Counts at one depth of loops.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    /// Instructions.
    pub instructions: Counts,
    /// What they do to scalars: an addition of vec4 is 4.
    pub scalars: Counts,
}

/// What the entry point does.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// By depth: outside of loops, in loops, in loops inside of loops … Functions count wherever they are called, as if inlined: that is
    /// what drivers do. Every arm of a branch counts.
    pub levels: Vec<Level>,
    /// Loops.
    pub loops: u32,
    /// Bytes of variables in functions, called ones included.
    pub variables: u32,
}

impl Tally {
    fn level(&mut self, depth: usize) -> &mut Level {
        if self.levels.len() <= depth {
            self.levels.resize_with(depth + 1, Level::default);
        }
        &mut self.levels[depth]
    }

    fn add(&mut self, depth: usize, kind: Kind, scalars: u32) {
        let level = self.level(depth);
        level.instructions.add(kind, 1);
        level.scalars.add(kind, i64::from(scalars));
    }

    /// Adds what a function does that is called at this depth.
    fn call(&mut self, depth: usize, callee: &Tally) {
        for (below, level) in callee.levels.iter().enumerate() {
            let mine = self.level(depth + below);
            mine.instructions += &level.instructions;
            mine.scalars += &level.scalars;
        }
        self.loops += callee.loops;
        self.variables += callee.variables;
    }
}

/// Counts what the entry point does.
pub(super) fn count(parsed: &Parsed) -> Tally {
    let Some(index) = parsed.module.entry_points.iter().position(|entry| entry.name == "main") else {
        return Tally::default();
    };
    let mut called = HashMap::new();
    // A function is declared before it is called.
    for (handle, function) in parsed.module.functions.iter() {
        let tally = Counter::new(parsed, function, &parsed.info[handle], &called).run();
        called.insert(handle, tally);
    }
    let main = &parsed.module.entry_points[index].function;
    Counter::new(parsed, main, parsed.info.get_entry_point(index), &called).run()
}

struct Counter<'a> {
    module: &'a Module,
    function: &'a Function,
    types: &'a FunctionInfo,
    called: &'a HashMap<Handle<Function>, Tally>,
    tally: Tally,
}

impl<'a> Counter<'a> {
    fn new(
        parsed: &'a Parsed,
        function: &'a Function,
        types: &'a FunctionInfo,
        called: &'a HashMap<Handle<Function>, Tally>,
    ) -> Self {
        Self { module: &parsed.module, function, types, called, tally: Tally::default() }
    }

    fn run(mut self) -> Tally {
        let context = self.module.to_ctx();
        let sizes = self.function.local_variables.iter().map(|(_, v)| self.module.types[v.ty].inner.size(context));
        self.tally.variables = sizes.sum();
        self.block(&self.function.body, 0);
        self.tally
    }

    fn block(&mut self, block: &Block, depth: usize) {
        block.iter().for_each(|statement| self.statement(statement, depth));
    }

    fn statement(&mut self, statement: &Statement, depth: usize) {
        match statement {
            Statement::Emit(range) => range.clone().for_each(|expression| self.expression(expression, depth)),
            Statement::Block(block) => self.block(block, depth),
            Statement::If { accept, reject, .. } => {
                self.tally.add(depth, Kind::Branch, 1);
                self.block(accept, depth);
                self.block(reject, depth);
            }
            Statement::Switch { cases, .. } => {
                self.tally.add(depth, Kind::Branch, 1);
                cases.iter().for_each(|case| self.block(&case.body, depth));
            }
            Statement::Loop { body, continuing, .. } => {
                self.tally.loops += 1;
                self.tally.add(depth + 1, Kind::Branch, 1);
                self.block(body, depth + 1);
                self.block(continuing, depth + 1);
            }
            Statement::Break | Statement::Continue | Statement::Return { .. } | Statement::Kill => {
                self.tally.add(depth, Kind::Branch, 1);
            }
            Statement::ControlBarrier(_) | Statement::MemoryBarrier(_) => self.tally.add(depth, Kind::Barrier, 1),
            Statement::Store { pointer, value } => {
                let kind = match self.space(*pointer) {
                    Some(AddressSpace::Storage { .. }) => Kind::StorageStore,
                    Some(AddressSpace::WorkGroup) => Kind::WorkgroupStore,
                    _ => Kind::VariableStore,
                };
                self.tally.add(depth, kind, self.width(*value));
            }
            Statement::Call { function, .. } => {
                if let Some(callee) = self.called.get(function) {
                    self.tally.call(depth, callee);
                }
            }
            Statement::Atomic { .. } => self.tally.add(depth, Kind::Atomic, 1),
            Statement::WorkGroupUniformLoad { result, .. } => {
                self.tally.add(depth, Kind::WorkgroupLoad, self.width(*result));
                // It stands between two of them.
                self.tally.add(depth, Kind::Barrier, 1);
                self.tally.add(depth, Kind::Barrier, 1);
            }
            Statement::SubgroupBallot { result, .. }
            | Statement::SubgroupGather { result, .. }
            | Statement::SubgroupCollectiveOperation { result, .. } => {
                self.tally.add(depth, Kind::Subgroup, self.width(*result));
            }
            Statement::CooperativeStore { .. } => self.tally.add(depth, Kind::Matrix, 1),
            _ => self.tally.add(depth, Kind::Other, 1),
        }
    }

    fn expression(&mut self, handle: Handle<Expression>, depth: usize) {
        let kind =
            match &self.function.expressions[handle] {
                Expression::Load { pointer } => match self.space(*pointer) {
                    Some(AddressSpace::Storage { .. }) => Kind::StorageLoad,
                    Some(AddressSpace::Uniform | AddressSpace::Immediate) => Kind::UniformLoad,
                    Some(AddressSpace::WorkGroup) => Kind::WorkgroupLoad,
                    _ => Kind::VariableLoad,
                },
                Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => {
                    if self.space(*base).is_some() { Kind::Address } else { Kind::Shuffle }
                }
                Expression::Compose { .. } | Expression::Splat { .. } | Expression::Swizzle { .. } => Kind::Shuffle,
                Expression::Math { fun, .. } => self.math(*fun, handle),
                Expression::Binary { op, left, .. } => self.binary(*op, *left),
                Expression::Unary { .. } => self.arithmetic(handle),
                Expression::Select { .. } | Expression::Relational { .. } => Kind::Compare,
                Expression::As { .. } => Kind::Convert,
                Expression::ArrayLength(_) => Kind::Length,
                Expression::CooperativeLoad { .. } | Expression::CooperativeMultiplyAdd { .. } => Kind::Matrix,
                // Constants, arguments, names and results of statements that are counted themselves.
                Expression::Literal(_)
                | Expression::Constant(_)
                | Expression::Override(_)
                | Expression::ZeroValue(_)
                | Expression::FunctionArgument(_)
                | Expression::GlobalVariable(_)
                | Expression::LocalVariable(_)
                | Expression::CallResult(_)
                | Expression::AtomicResult { .. }
                | Expression::WorkGroupUniformLoadResult { .. }
                | Expression::SubgroupBallotResult
                | Expression::SubgroupOperationResult { .. } => return,
                _ => Kind::Other,
            };
        self.tally.add(depth, kind, self.width(handle));
    }

    fn math(&self, function: MathFunction, handle: Handle<Expression>) -> Kind {
        use MathFunction as M;
        match function {
            M::Fma => Kind::MultiplyAdd,
            M::Dot | M::Dot4I8Packed | M::Dot4U8Packed => Kind::Dot,
            M::Cos | M::Cosh | M::Sin | M::Sinh | M::Tan | M::Tanh | M::Acos | M::Asin | M::Atan | M::Atan2 => {
                Kind::Transcendental
            }
            M::Asinh | M::Acosh | M::Atanh | M::Exp | M::Exp2 | M::Log | M::Log2 | M::Pow | M::Sqrt => {
                Kind::Transcendental
            }
            M::InverseSqrt | M::Length | M::Distance | M::Normalize => Kind::Transcendental,
            M::QuantizeToF16
            | M::Pack4x8snorm
            | M::Pack4x8unorm
            | M::Pack2x16snorm
            | M::Pack2x16unorm
            | M::Pack2x16float
            | M::Unpack4x8snorm
            | M::Unpack4x8unorm
            | M::Unpack2x16snorm
            | M::Unpack2x16unorm
            | M::Unpack2x16float => Kind::Convert,
            _ => self.arithmetic(handle),
        }
    }

    fn binary(&self, operator: BinaryOperator, left: Handle<Expression>) -> Kind {
        use BinaryOperator as B;
        match operator {
            B::Equal | B::NotEqual | B::Less | B::LessEqual | B::Greater | B::GreaterEqual => Kind::Compare,
            B::LogicalAnd | B::LogicalOr => Kind::Compare,
            _ => self.arithmetic(left),
        }
    }

    /// Float or integer arithmetic by the type of a result; what works on matrices as a whole is theirs.
    fn arithmetic(&self, handle: Handle<Expression>) -> Kind {
        match self.inner(handle) {
            TypeInner::CooperativeMatrix { .. } => Kind::Matrix,
            inner => match inner.scalar_kind() {
                Some(ScalarKind::Float | ScalarKind::AbstractFloat) => Kind::Float,
                Some(ScalarKind::Bool) => Kind::Compare,
                _ => Kind::Integer,
            },
        }
    }

    fn inner(&self, handle: Handle<Expression>) -> &TypeInner {
        self.types[handle].ty.inner_with(&self.module.types)
    }

    /// Where a pointer points; `None` of a value.
    fn space(&self, handle: Handle<Expression>) -> Option<AddressSpace> {
        self.inner(handle).pointer_space()
    }

    /// Scalars of a value.
    fn width(&self, handle: Handle<Expression>) -> u32 {
        match self.inner(handle) {
            TypeInner::Vector { size, .. } => *size as u32,
            _ => 1,
        }
    }
}
