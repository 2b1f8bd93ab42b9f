//! Runs a kernel's WGSL on an interpreter that sees what no driver tells: threads that race, memory that is read before it is written,
//! barriers that not all threads reach, elements beyond the memory that the host binds.
//!
//! The threads of a workgroup run in step; between two barriers any two of them that touch the same word, one of them writing, race, in
//! whatever order a device would run them. What is found does not depend on the driver, and needs no device.
//!
//! It is slow (some 20 million operations of single threads per second), so it stops at a budget: some workgroups of many are run, and of
//! a large tile at a shape with many channels the beginning; faults until then count, values are compared of workgroups that came to their
//! end. What it does not know (cooperative matrices, atomics, arithmetic with integers of 64 bits beyond taking loads apart) it declines in
//! words.

mod arithmetic;
mod frame;
mod machine;
mod memory;
mod slot;
mod state;
mod types;
mod values;

use std::{borrow::Cow, collections::HashMap, ops::Range};

use half::f16;
use naga::{Binding as Bound, BuiltIn, Module, Span as At, TypeInner};
use serde::{Deserialize, Serialize};

use crate::{
    graph::{ZEROS, grid},
    kernel::{Binding, Choice, Dtype, Op, Role, Span, parse_wgsl},
    lab::normals::mix,
};
use machine::Machine;
use memory::{Buffer, Input};
use slot::Slot;
use state::Memory;

/// Why the interpreter stops early.
#[derive(Debug)]
pub enum Stop {
    /// It does not know something in the text.
    Unknown(String),
    /// Its time is up.
    Budget,
    /// A loop has no end.
    Endless(At),
}

impl Stop {
    fn unknown(what: &str) -> Self {
        Self::Unknown(format!("the interpreter does not know {what}"))
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sanitized {
    /// Workgroups that ran to their ends, and all that there are.
    pub workgroups: [usize; 2],
    /// Faults, with their lines in the specialised text.
    pub faults: Vec<String>,
    /// The largest error of what they wrote, relative to the rms of the twin's output.
    pub error: Option<f64>,
    /// Where that is: the output, and an index per axis.
    pub at: Option<(String, Vec<usize>)>,
    /// Why nothing was run, if nothing was.
    pub unknown: Option<String>,
    /// The line at which the budget ended, if no workgroup had ended by then.
    pub ended_at: Option<String>,
}

impl Sanitized {
    /// Did all workgroups run to their ends?
    pub fn is_complete(&self) -> bool {
        let [ran, all] = self.workgroups;
        ran > 0 && ran == all && self.unknown.is_none()
    }
}

/// What some workgroups wrote: of every output the elements of its span, as f32, those of nobody as `None`.
pub type Written = Vec<Vec<Option<f32>>>;

/// An op on values.
pub struct Run<'a> {
    /// The op.
    pub op: &'a dyn Op,
    /// The variant.
    pub choice: &'a Choice,
    /// The units that are dispatched.
    pub units: Range<usize>,
    /// Of every binding that is an input or weight the values on the device, as f32, within the span of the units; of others nothing.
    pub values: Vec<Cow<'a, [f32]>>,
    /// Lanes of a subgroup.
    pub subgroup: u32,
    /// Workgroups that a device starts in one dimension.
    pub max_workgroups: u32,
    /// Operations of single threads that may be done.
    pub budget: u64,
}

/// Runs as many workgroups as the budget allows: the first, the last, one beyond it if there is any, then some here and there.
pub fn sanitize(run: Run<'_>) -> (Sanitized, Written) {
    let mut found = Sanitized::default();
    let written = match interpret(run, &mut found) {
        Ok(written) => written,
        Err(why) => {
            found.unknown = Some(why);
            Vec::new()
        }
    };
    (found, written)
}

fn interpret(run: Run<'_>, found: &mut Sanitized) -> Result<Written, String> {
    let Run { op, choice, units, values, subgroup, max_workgroups, budget } = run;
    let kernel = op.kernel();
    let wgsl = choice.wgsl(kernel).map_err(|e| e.to_string())?;
    let parsed = parse_wgsl(kernel.name, &wgsl).map_err(|e| e.to_string())?;
    let module = &parsed.module;
    let (bindings, spans) = (op.bindings(), op.spans(&units));
    let starts: Vec<usize> = spans.iter().map(|span| if let Span::Elements(e) = span { e.start } else { 0 }).collect();
    let bases: Vec<u32> = starts.iter().map(|&start| start as u32).collect();
    let dispatch = op.dispatch(choice, &units, &bases);
    let mut buffers = HashMap::new();
    let mut outputs = vec![None; bindings.len()];
    let mut values: Vec<Option<Cow<'_, [f32]>>> = values.into_iter().map(Some).collect();
    for (handle, variable) in module.global_variables.iter() {
        let Some(at) = &variable.binding else { continue };
        let buffer = match (at.binding as usize).checked_sub(1).and_then(|i| Some((i, bindings.get(i)?))) {
            None => Buffer::Uniform(uniform(module, variable.ty, &dispatch.params).map_err(told)?),
            Some((_, binding)) if binding.role == Role::Absent => Buffer::Zeros(ZEROS as usize / 4),
            Some((i, binding)) if binding.role == Role::Output => {
                let length = match &spans[i] {
                    Span::All => binding.elements(),
                    Span::Elements(e) => e.end.min(binding.elements()).saturating_sub(e.start),
                };
                let packed = is_packed(binding, module, variable);
                outputs[i] = Some((handle, packed, length));
                Buffer::Output(vec![Default::default(); if packed { length.div_ceil(2) } else { length }])
            }
            Some((i, binding)) => {
                let packed = is_packed(binding, module, variable);
                let values = values.get_mut(i).and_then(Option::take).unwrap_or_default();
                Buffer::Input(Input { values, packed, whole: binding.dtype == Dtype::U32 })
            }
        };
        buffers.insert(handle, buffer);
    }
    let entry = module.entry_points.first().ok_or("there is no entry point")?;
    let size = entry.workgroup_size;
    let lanes = size.iter().product::<u32>() as usize;
    let memory = Memory::new(module, &wgsl, buffers, lanes).map_err(told)?;
    let mut machine = Machine::new(module, &parsed.info, subgroup as usize, memory, budget).map_err(told)?;
    let [wide, high] = grid(dispatch.workgroups, max_workgroups);
    let count = wide as usize * high as usize;
    found.workgroups[1] = count;
    for index in order(count, dispatch.workgroups) {
        let arguments = arguments(module, [wide, high], index as u32, size, subgroup).map_err(told)?;
        match machine.run(arguments) {
            Ok(()) => found.workgroups[0] += 1,
            Err(Stop::Budget) => {
                if found.workgroups[0] == 0 {
                    found.ended_at = machine.memory.line();
                }
                machine.memory.forget_workgroup();
                break;
            }
            Err(Stop::Unknown(what)) => return Err(what),
            Err(Stop::Endless(span)) => {
                machine.memory.span = span;
                machine.memory.fault("endless", || "a loop that never ends: a round changes nothing".into());
                break;
            }
        }
    }
    found.faults = machine.memory.faults.told(&wgsl);
    let written = bindings.iter().zip(&outputs).filter(|(binding, _)| binding.role == Role::Output).map(|(_, at)| {
        let Some((at, packed, length)) = *at else { return Vec::new() };
        let words = machine.memory.output(at).map(Vec::as_slice).unwrap_or_default();
        let value = |i: usize| {
            let cell = words.get(if packed { i / 2 } else { i }).filter(|cell| cell.written)?;
            Some(match packed {
                true => f16::from_bits((cell.value >> (16 * (i % 2))) as u16).to_f32(),
                false => f32::from_bits(cell.value),
            })
        };
        (0..length).map(value).collect()
    });
    Ok(written.collect())
}

fn told(stop: Stop) -> String {
    match stop {
        Stop::Unknown(what) => what,
        Stop::Budget => "its time was up".into(),
        Stop::Endless(_) => "a loop never ends".into(),
    }
}

/// The order in which workgroups run until the budget is used up; from `end` on they have nothing to do.
fn order(count: usize, end: usize) -> impl Iterator<Item = usize> {
    /// So many run in their order: all of a small dispatch.
    const ALL: usize = 64;
    let few = count <= ALL;
    let chosen: Vec<usize> = match few {
        true => (0..count).collect(),
        false => {
            let mut chosen = vec![0, end.saturating_sub(1), count - 1, 1, end.saturating_sub(2)];
            chosen.extend((0..ALL as u64).map(|i| mix(i) as usize % count));
            let mut seen = std::collections::HashSet::new();
            chosen.retain(|&index| seen.insert(index));
            chosen
        }
    };
    chosen.into_iter()
}

/// Are two f16 one word of the shader's?
fn is_packed(binding: &Binding, module: &Module, variable: &naga::GlobalVariable) -> bool {
    let element = match module.types[variable.ty].inner {
        TypeInner::Array { base, .. } => &module.types[base].inner,
        ref other => other,
    };
    binding.dtype == Dtype::F16 && element.scalar().is_some_and(|scalar| scalar.kind == naga::ScalarKind::Uint)
}

/// The words of a parameter struct.
fn uniform(module: &Module, ty: naga::Handle<naga::Type>, bytes: &[u8]) -> Result<Vec<u32>, Stop> {
    let mut words = Vec::new();
    flatten(module, ty, bytes, 0, &mut words)?;
    Ok(words)
}

fn flatten(
    module: &Module,
    ty: naga::Handle<naga::Type>,
    bytes: &[u8],
    at: usize,
    words: &mut Vec<u32>,
) -> Result<(), Stop> {
    let word = |at: usize| bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    match &module.types[ty].inner {
        TypeInner::Scalar(scalar) if scalar.width == 4 => words.push(word(at)),
        TypeInner::Vector { size, scalar } if scalar.width == 4 => {
            words.extend((0..*size as usize).map(|i| word(at + 4 * i)));
        }
        TypeInner::Struct { members, .. } => {
            for member in members {
                flatten(module, member.ty, bytes, at + member.offset as usize, words)?;
            }
        }
        TypeInner::Array { base, size: naga::ArraySize::Constant(count), stride } => {
            for i in 0..count.get() {
                let before = words.len();
                flatten(module, *base, bytes, at + (i * stride) as usize, words)?;
                words.resize(before + types::stride(module, *base)?, 0);
            }
        }
        _ => return Err(Stop::unknown("such parameters")),
    }
    Ok(())
}

/// The arguments of the entry point in one workgroup.
fn arguments(module: &Module, grid: [u32; 2], index: u32, size: [u32; 3], subgroup: u32) -> Result<Vec<Slot>, Stop> {
    let function = &module.entry_points[0].function;
    let lanes = size.iter().product::<u32>();
    let group = [index % grid[0], index / grid[0], 0];
    let local = |lane: u32| [lane % size[0], lane / size[0] % size[1], lane / size[0] / size[1]];
    let each = |value: &dyn Fn(u32) -> Vec<u32>| {
        let words: Vec<u32> = (0..lanes).flat_map(value).collect();
        Slot::Words { count: words.len() / lanes.max(1) as usize, words }
    };
    let built_in = |built_in: BuiltIn| -> Result<Slot, Stop> {
        Ok(match built_in {
            BuiltIn::WorkGroupId => Slot::same(&group, lanes as usize),
            BuiltIn::NumWorkGroups => Slot::same(&[grid[0], grid[1], 1], lanes as usize),
            BuiltIn::WorkGroupSize => Slot::same(&size, lanes as usize),
            BuiltIn::LocalInvocationIndex => each(&|lane| vec![lane]),
            BuiltIn::LocalInvocationId => each(&|lane| local(lane).to_vec()),
            BuiltIn::GlobalInvocationId => {
                each(&|lane| (0..3).map(|axis| group[axis] * size[axis] + local(lane)[axis]).collect())
            }
            BuiltIn::SubgroupInvocationId => each(&|lane| vec![lane % subgroup]),
            BuiltIn::SubgroupId => each(&|lane| vec![lane / subgroup]),
            BuiltIn::SubgroupSize => Slot::same(&[subgroup], lanes as usize),
            BuiltIn::NumSubgroups => Slot::same(&[lanes.div_ceil(subgroup)], lanes as usize),
            other => return Err(Stop::unknown(&format!("the built-in value {other:?}"))),
        })
    };
    let argument = |argument: &naga::FunctionArgument| match (&argument.binding, &module.types[argument.ty].inner) {
        (Some(Bound::BuiltIn(which)), _) => built_in(*which),
        (None, TypeInner::Struct { members, .. }) => {
            let mut parts = Vec::new();
            for member in members {
                let Some(Bound::BuiltIn(which)) = member.binding else { return Err(Stop::unknown("such arguments")) };
                parts.push(built_in(which)?);
            }
            Ok(each(&|lane| parts.iter().flat_map(|part| part.of(lane as usize)).collect()))
        }
        _ => Err(Stop::unknown("such arguments")),
    };
    function.arguments.iter().map(argument).collect()
}
