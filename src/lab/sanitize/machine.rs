//! Runs the threads of a workgroup in step: statements, one after the other, for all threads that are on the same path.

use std::mem;

use naga::{
    Barrier, Block, CollectiveOperation, Function, GatherMode, Handle, Module, Span, Statement, SubgroupOperation,
    SwitchValue, TypeInner,
    proc::TypeResolution,
    valid::{FunctionInfo, ModuleInfo},
};

use super::{
    Stop,
    arithmetic::binary,
    frame::{Frame, Mask},
    slot::Slot,
    state::Memory,
    types::{Kind, constant, words},
};

/// The threads of one workgroup at a time.
pub struct Machine<'a> {
    pub module: &'a Module,
    /// The function of each frame, that of the entry point last, with what validation found out about it.
    functions: Vec<(&'a Function, &'a FunctionInfo)>,
    /// Its threads.
    pub lanes: usize,
    subgroup: usize,
    pub frames: Vec<Frame>,
    pub memory: Memory<'a>,
    /// Operations of single threads that may still be done.
    pub budget: u64,
    /// Stores that were done.
    stores: u64,
}

/// Threads that take part.
pub(super) fn count(mask: &[bool]) -> usize {
    mask.iter().filter(|&&on| on).count()
}

fn any(mask: &[bool]) -> bool {
    mask.iter().any(|&on| on)
}

/// The threads of both.
fn join(mask: &mut Mask, other: &[bool]) {
    mask.iter_mut().zip(other).for_each(|(on, other)| *on |= other);
}

impl<'a> Machine<'a> {
    pub fn new(
        module: &'a Module,
        info: &'a ModuleInfo,
        subgroup: usize,
        memory: Memory<'a>,
        budget: u64,
    ) -> Result<Self, Stop> {
        let main = module.entry_points.first().ok_or_else(|| Stop::unknown("texts without an entry point"))?;
        let functions = module.functions.iter().map(|(handle, function)| (function, &info[handle]));
        let functions: Vec<_> = functions.chain([(&main.function, info.get_entry_point(0))]).collect();
        let frames = functions.iter().map(|(function, _)| Frame::new(function)).collect();
        let lanes = main.workgroup_size.iter().product::<u32>() as usize;
        Ok(Self { module, functions, lanes, subgroup: subgroup.max(1), frames, memory, budget, stores: 0 })
    }

    /// The function of a frame; that of the entry point is the last.
    pub fn function(&self, frame: usize) -> &'a Function {
        self.functions[frame].0
    }

    /// The type of an expression.
    pub fn inner(&self, frame: usize, expression: Handle<naga::Expression>) -> &'a TypeInner {
        let resolution: &'a TypeResolution = &self.functions[frame].1[expression].ty;
        resolution.inner_with(&self.module.types)
    }

    /// Words of an expression's value.
    pub fn count(&mut self, frame: usize, expression: Handle<naga::Expression>) -> Result<usize, Stop> {
        if let Some(count) = self.frames[frame].counts[expression.index()] {
            return Ok(count);
        }
        let count = words(self.module, self.inner(frame, expression))?;
        self.frames[frame].counts[expression.index()] = Some(count);
        Ok(count)
    }

    /// Runs the entry point with these arguments.
    pub fn run(&mut self, arguments: Vec<Slot>) -> Result<(), Stop> {
        self.memory.begin_workgroup();
        self.enter(self.frames.len() - 1, arguments, &vec![true; self.lanes])
    }

    /// Runs a function for some threads.
    fn enter(&mut self, frame: usize, arguments: Vec<Slot>, mask: &Mask) -> Result<(), Stop> {
        let function = self.function(frame);
        for at in 0..self.frames[frame].arguments.len() {
            let (expression, argument) = self.frames[frame].arguments[at];
            self.frames[frame].values[expression] = arguments.get(argument).cloned().unwrap_or_default();
        }
        for (handle, local) in function.local_variables.iter() {
            let count = words(self.module, &self.module.types[local.ty].inner)?;
            if let Some(init) = local.init {
                self.ready(frame, init)?;
            }
            let Frame { values, locals, .. } = &mut self.frames[frame];
            locals.resize_with(locals.len().max(handle.index() + 1), Vec::new);
            let all = &mut locals[handle.index()];
            all.resize(count * self.lanes, 0);
            let init = local.init.map(|init| &values[init.index()]);
            for lane in (0..self.lanes).filter(|&lane| mask[lane]) {
                for word in 0..count {
                    all[lane * count + word] = init.map_or(0, |slot| slot.word(lane, word));
                }
            }
        }
        self.block(frame, &function.body, &mut mask.clone())
    }

    fn block(&mut self, frame: usize, block: &'a Block, mask: &mut Mask) -> Result<(), Stop> {
        for (statement, span) in block.span_iter() {
            if !any(mask) {
                return Ok(());
            }
            self.statement(frame, statement, *span, mask)?;
        }
        Ok(())
    }

    fn statement(&mut self, frame: usize, statement: &'a Statement, span: Span, mask: &mut Mask) -> Result<(), Stop> {
        self.memory.span = span;
        match statement {
            Statement::Emit(range) => {
                range.clone().try_for_each(|expression| self.evaluate(frame, expression, mask))?
            }
            Statement::Block(inner) => self.block(frame, inner, mask)?,
            Statement::If { condition, accept, reject } => {
                self.ready(frame, *condition)?;
                let taken = &self.frames[frame].values[condition.index()];
                let mut then: Mask = (0..self.lanes).map(|lane| mask[lane] && taken.word(lane, 0) != 0).collect();
                let mut other: Mask = (0..self.lanes).map(|lane| mask[lane] && !then[lane]).collect();
                self.block(frame, accept, &mut then)?;
                self.block(frame, reject, &mut other)?;
                join(&mut then, &other);
                *mask = then;
            }
            Statement::Switch { selector, cases } => {
                self.ready(frame, *selector)?;
                let slot = &self.frames[frame].values[selector.index()];
                let is = |value: &SwitchValue, lane: usize| match *value {
                    SwitchValue::I32(v) => slot.word(lane, 0) == v as u32,
                    SwitchValue::U32(v) => slot.word(lane, 0) == v,
                    SwitchValue::Default => false,
                };
                let default = cases.iter().position(|case| case.value == SwitchValue::Default);
                let chosen = |lane: usize| cases.iter().position(|case| is(&case.value, lane)).or(default);
                let chosen: Vec<Option<usize>> = (0..self.lanes).map(chosen).collect();
                self.frames[frame].breaks.push(vec![false; self.lanes]);
                let mut after: Mask = (0..self.lanes).map(|lane| mask[lane] && chosen[lane].is_none()).collect();
                let mut falling = vec![false; self.lanes];
                for (at, case) in cases.iter().enumerate() {
                    let mut inside: Mask =
                        (0..self.lanes).map(|lane| falling[lane] || mask[lane] && chosen[lane] == Some(at)).collect();
                    self.block(frame, &case.body, &mut inside)?;
                    falling = vec![false; self.lanes];
                    join(if case.fall_through { &mut falling } else { &mut after }, &inside);
                }
                join(&mut after, &falling);
                join(&mut after, &self.frames[frame].breaks.pop().unwrap_or_default());
                *mask = after;
            }
            Statement::Loop { body, continuing, break_if } => {
                self.frames[frame].breaks.push(vec![false; self.lanes]);
                let mut inside = mask.clone();
                loop {
                    let before = (self.stores, count(&inside));
                    self.frames[frame].continues.push(vec![false; self.lanes]);
                    self.block(frame, body, &mut inside)?;
                    join(&mut inside, &self.frames[frame].continues.pop().unwrap_or_default());
                    self.block(frame, continuing, &mut inside)?;
                    if let Some(condition) = break_if {
                        self.ready(frame, *condition)?;
                        let Frame { values, breaks, .. } = &mut self.frames[frame];
                        let ends = &values[condition.index()];
                        let mut left: Mask =
                            (0..self.lanes).map(|lane| inside[lane] && ends.word(lane, 0) != 0).collect();
                        inside.iter_mut().zip(&left).for_each(|(on, left)| *on &= !left);
                        leave(breaks.last_mut(), &mut left);
                    }
                    if !any(&inside) {
                        break;
                    }
                    // Nothing was stored and nobody left, so neither ever will be.
                    if before == (self.stores, count(&inside)) {
                        return Err(Stop::Endless(span));
                    }
                }
                *mask = self.frames[frame].breaks.pop().unwrap_or_default();
            }
            Statement::Break => leave(self.frames[frame].breaks.last_mut(), mask),
            Statement::Continue => leave(self.frames[frame].continues.last_mut(), mask),
            Statement::Return { value } => {
                if let Some(value) = value {
                    self.ready(frame, *value)?;
                    let Frame { values, result, .. } = &mut self.frames[frame];
                    result.copy(&values[value.index()], mask);
                }
                mask.fill(false);
            }
            Statement::ControlBarrier(kind) => self.barrier(*kind, mask),
            Statement::MemoryBarrier(_) => {}
            Statement::Store { pointer, value } => {
                self.ready(frame, *pointer)?;
                self.ready(frame, *value)?;
                self.stores += 1;
                let Self { frames, memory, .. } = self;
                memory.store(frames, frame, pointer.index(), value.index(), mask)?;
            }
            Statement::Call { function, arguments, result } => {
                for argument in arguments {
                    self.ready(frame, *argument)?;
                }
                let values = &self.frames[frame].values;
                let given = arguments.iter().map(|argument| values[argument.index()].clone()).collect();
                let callee = function.index();
                self.enter(callee, given, mask)?;
                if let Some(result) = result {
                    let returned = mem::take(&mut self.frames[callee].result);
                    self.frames[frame].values[result.index()].copy(&returned, mask);
                    self.frames[callee].result = returned;
                }
            }
            Statement::WorkGroupUniformLoad { pointer, result } => {
                self.ready(frame, *pointer)?;
                self.barrier(Barrier::WORK_GROUP, mask);
                self.load(frame, *pointer, *result, mask)?;
                self.barrier(Barrier::WORK_GROUP, mask);
            }
            Statement::SubgroupBallot { result, predicate } => {
                if let Some(predicate) = predicate {
                    self.ready(frame, *predicate)?;
                }
                let values = &self.frames[frame].values;
                let votes = |lane: usize| mask[lane] && predicate.is_none_or(|p| values[p.index()].word(lane, 0) != 0);
                let ballot = |lane: usize| {
                    let first = lane / self.subgroup * self.subgroup;
                    let lanes = first..(first + self.subgroup).min(self.lanes);
                    let bits = lanes.filter(|&lane| votes(lane)).map(|lane| 1u128 << (lane - first).min(127));
                    let all = bits.fold(0, |all, bit| all | bit);
                    [0, 1, 2, 3].map(|word| (all >> (32 * word)) as u32)
                };
                let all: Vec<u32> = (0..self.lanes).flat_map(ballot).collect();
                self.frames[frame].values[result.index()] = Slot::Words { count: 4, words: all };
            }
            Statement::SubgroupGather { mode, argument, result } => {
                self.gather(frame, mode, *argument, *result, mask)?
            }
            Statement::SubgroupCollectiveOperation { op, collective_op, argument, result } => {
                self.collect(frame, *op, *collective_op, [*argument, *result], mask)?;
            }
            _ => return Err(Stop::unknown("statements other than those of plain compute shaders")),
        }
        Ok(())
    }

    fn barrier(&mut self, kind: Barrier, mask: &Mask) {
        let reached = count(mask);
        if reached < self.lanes {
            let lanes = self.lanes;
            self.memory.fault("barrier", || format!("a barrier that only {reached} of {lanes} threads reach"));
        }
        self.memory.barrier(kind);
    }

    fn gather(
        &mut self,
        frame: usize,
        mode: &GatherMode,
        argument: Handle<naga::Expression>,
        result: Handle<naga::Expression>,
        mask: &Mask,
    ) -> Result<(), Stop> {
        self.ready(frame, argument)?;
        let index = match mode {
            GatherMode::Broadcast(index)
            | GatherMode::Shuffle(index)
            | GatherMode::ShuffleDown(index)
            | GatherMode::ShuffleUp(index)
            | GatherMode::ShuffleXor(index) => Some(*index),
            GatherMode::BroadcastFirst => None,
            _ => return Err(Stop::unknown("quad operations")),
        };
        if let Some(index) = index {
            self.ready(frame, index)?;
        }
        let mut out = mem::take(&mut self.frames[frame].values[result.index()]);
        let values = &self.frames[frame].values;
        let from = &values[argument.index()];
        for lane in (0..self.lanes).filter(|&lane| mask[lane]) {
            let first = lane / self.subgroup * self.subgroup;
            let own = lane - first;
            let by = index.map_or(0, |index| values[index.index()].word(lane, 0) as usize);
            let source = match mode {
                GatherMode::ShuffleDown(_) => own.wrapping_add(by),
                GatherMode::ShuffleUp(_) => own.wrapping_sub(by),
                GatherMode::ShuffleXor(_) => own ^ by,
                GatherMode::BroadcastFirst => (first..self.lanes).find(|&l| mask[l]).unwrap_or(first) - first,
                _ => by,
            };
            let there = first.saturating_add(source);
            if source < self.subgroup && mask.get(there) == Some(&true) {
                out.set(lane, self.lanes, &from.of(there));
            } else {
                let told =
                    || format!("thread {lane} takes the value of lane {source} of its subgroup, which is not there");
                self.memory.fault("lane", told);
                out.set(lane, self.lanes, &from.of(lane));
            }
        }
        self.frames[frame].values[result.index()] = out;
        Ok(())
    }

    fn collect(
        &mut self,
        frame: usize,
        op: SubgroupOperation,
        how: CollectiveOperation,
        [argument, result]: [Handle<naga::Expression>; 2],
        mask: &Mask,
    ) -> Result<(), Stop> {
        use naga::BinaryOperator as Op;
        self.ready(frame, argument)?;
        let kind =
            Kind::of(self.inner(frame, argument).scalar().ok_or_else(|| Stop::unknown("such subgroup operations"))?)?;
        if kind == Kind::U64 {
            return Err(Stop::unknown("such subgroup operations"));
        }
        let combine = |a: u32, b: u32| {
            let pick = |less: bool| if (binary(Op::Less, kind)(a, b) != 0) == less { a } else { b };
            let word = match op {
                SubgroupOperation::All | SubgroupOperation::And => a & b,
                SubgroupOperation::Any | SubgroupOperation::Or => a | b,
                SubgroupOperation::Xor => a ^ b,
                SubgroupOperation::Add => binary(Op::Add, kind)(a, b),
                SubgroupOperation::Mul => binary(Op::Multiply, kind)(a, b),
                SubgroupOperation::Min => pick(true),
                SubgroupOperation::Max => pick(false),
            };
            kind.rounded(word)
        };
        let one = if matches!(kind, Kind::F32 | Kind::F16) { 1f32.to_bits() } else { 1 };
        let nothing = if op == SubgroupOperation::Mul { one } else { 0 };
        let mut out = mem::take(&mut self.frames[frame].values[result.index()]);
        let from = &self.frames[frame].values[argument.index()];
        for lane in (0..self.lanes).filter(|&lane| mask[lane]) {
            let first = lane / self.subgroup * self.subgroup;
            let lanes = match how {
                CollectiveOperation::Reduce => first..(first + self.subgroup).min(self.lanes),
                CollectiveOperation::InclusiveScan => first..lane + 1,
                CollectiveOperation::ExclusiveScan => first..lane,
            };
            let mut sum: Option<Vec<u32>> = None;
            for other in lanes.filter(|&other| mask[other]) {
                let more = from.of(other);
                sum = Some(match sum {
                    None => more,
                    Some(sum) => sum.iter().zip(&more).map(|(&a, &b)| combine(a, b)).collect(),
                });
            }
            out.set(lane, self.lanes, &sum.unwrap_or_else(|| vec![nothing; from.count()]));
        }
        self.frames[frame].values[result.index()] = out;
        Ok(())
    }

    /// Sees to it that an expression which is never emitted has its value.
    pub fn ready(&mut self, frame: usize, expression: Handle<naga::Expression>) -> Result<(), Stop> {
        use naga::Expression as E;
        if !matches!(self.frames[frame].values[expression.index()], Slot::Empty) {
            return Ok(());
        }
        let same = |words: Vec<u32>, lanes: usize| Slot::Words { count: words.len(), words: words.repeat(lanes) };
        let slot = match &self.function(frame).expressions[expression] {
            E::Literal(value) => same(vec![super::types::literal(*value)?], self.lanes),
            E::Constant(handle) => same(constant(self.module, self.module.constants[*handle].init)?, self.lanes),
            E::ZeroValue(ty) => same(vec![0; words(self.module, &self.module.types[*ty].inner)?], self.lanes),
            E::GlobalVariable(handle) => self.memory.pointer(*handle, self.lanes)?,
            E::LocalVariable(handle) => Slot::local(frame, handle.index(), self.lanes),
            E::Override(_) => return Err(Stop::unknown("overrides")),
            _ => return Ok(()),
        };
        self.frames[frame].values[expression.index()] = slot;
        Ok(())
    }
}

/// Takes the threads of a path away, to go on elsewhere.
fn leave(to: Option<&mut Mask>, mask: &mut Mask) {
    if let Some(to) = to {
        join(to, mask);
    }
    mask.fill(false);
}
