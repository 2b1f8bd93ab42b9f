//! What can be said about a shader without running it.

use serde::{Serialize, Serializer};

use super::{
    Backend, Code, Guards, Refusal, ir,
    kinds::{Counts, Kind},
    words,
};
use crate::kernel::{Parsed, Reflection};

/// Static facts. Instructions are counted as if every function were inlined where it is called, every branch were taken and every loop
/// ran once: what a driver's compiler unrolls, merges or spills is not known here.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// Threads of a workgroup.
    pub threads: u32,
    /// What the text says about itself: workgroup size and memory, bindings, constants, features.
    #[serde(flatten)]
    pub declared: Reflection,
    /// Bytes of variables in functions: what each thread would keep in registers if nothing else were alive.
    pub variables: u32,
    /// Loops.
    pub loops: u32,
    /// Loops inside of each other, at most.
    pub loop_depth: usize,
    /// Barriers.
    pub barriers: i64,
    /// Registers of a thread are given out by the driver's compiler: `None`.
    pub registers: Option<u32>,
    /// Instructions of naga's module.
    pub module: ModuleFacts,
    /// Instructions of the SPIR-V, if there can be one.
    #[serde(serialize_with = "or_refusal")]
    pub spirv: Result<SpirvFacts, Refusal>,
}

/// The facts, or why there are none.
fn or_refusal<S: Serializer>(spirv: &Result<SpirvFacts, Refusal>, serializer: S) -> Result<S::Ok, S::Error> {
    match spirv {
        Ok(facts) => facts.serialize(serializer),
        Err(refusal) => refusal.serialize(serializer),
    }
}

/// Instructions of naga's module, before any guard is added.
#[derive(Clone, Debug, Serialize)]
pub struct ModuleFacts {
    /// All.
    pub instructions: Counts,
    /// What they do to scalars: an addition of vec4 counts 4.
    pub scalars: Counts,
    /// Those in the innermost loops, where the time goes; none where there are no loops.
    pub innermost: Counts,
    /// What these do to scalars.
    pub innermost_scalars: Counts,
}

/// Instructions of the SPIR-V.
#[derive(Clone, Debug, Serialize)]
pub struct SpirvFacts {
    /// Bytes of the module.
    pub bytes: usize,
    /// With the guards in force.
    pub instructions: Counts,
    /// Without any guard.
    pub unguarded: Counts,
    /// What each guard adds.
    pub guards: Vec<GuardFacts>,
}

/// What a guard adds to the SPIR-V: the difference to the same module without it.
#[derive(Clone, Debug, Serialize)]
pub struct GuardFacts {
    /// Its name, as in `--shader-checks`.
    pub guard: &'static str,
    /// Instructions more.
    pub added: i64,
    /// By kind; compilers may also need fewer of some.
    pub instructions: Counts,
}

impl Facts {
    /// The facts of a shader.
    pub fn new(parsed: &Parsed, declared: Reflection, guards: Guards) -> Self {
        let tally = ir::count(parsed);
        let sum = |levels: &[ir::Level], pick: fn(&ir::Level) -> &Counts| {
            levels.iter().fold(Counts::default(), |mut sum, level| {
                sum += pick(level);
                sum
            })
        };
        let levels = &tally.levels[..];
        let innermost = if levels.len() > 1 { &levels[levels.len() - 1..] } else { &[] };
        let module = ModuleFacts {
            instructions: sum(levels, |l| &l.instructions),
            scalars: sum(levels, |l| &l.scalars),
            innermost: sum(innermost, |l| &l.instructions),
            innermost_scalars: sum(innermost, |l| &l.scalars),
        };
        Self {
            threads: declared.workgroup_size.iter().product(),
            declared,
            variables: tally.variables,
            loops: tally.loops,
            loop_depth: levels.len().saturating_sub(1),
            barriers: module.instructions.of(Kind::Barrier),
            registers: None,
            module,
            spirv: SpirvFacts::new(parsed, guards),
        }
    }
}

impl SpirvFacts {
    fn new(parsed: &Parsed, guards: Guards) -> Result<Self, Refusal> {
        let count = |guards: Guards| {
            let code = Backend::Spirv.translate(parsed, guards)?;
            let counted = match &code {
                Code::Words(words) => words::count(words),
                Code::Text(_) => Ok(Counts::default()),
            };
            let refuse = |reason| Refusal { backend: Backend::Spirv, reason };
            Ok((code.bytes().len(), counted.map_err(refuse)?))
        };
        let (bytes, instructions) = count(guards)?;
        let without = |(guard, others): (&'static str, Guards)| {
            let (_, fewer) = count(others)?;
            let difference = &instructions - &fewer;
            Ok(GuardFacts { guard, added: difference.total(), instructions: difference })
        };
        let each = guards.without_each().into_iter().map(without).collect::<Result<_, Refusal>>()?;
        let (_, unguarded) = count(Guards { checks: crate::gpu::ShaderChecks::OFF, ..guards })?;
        Ok(Self { bytes, instructions, unguarded, guards: each })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::parse_wgsl;

    const KERNEL: &str = "
struct Params { n: u32, scale: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
var<workgroup> tile: array<vec4<f32>, 64>;
fn load(i: u32) -> vec4<f32> { return x[i]; }
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) i: u32) {
  tile[i] = load(i) + load(i + 64u);
  workgroupBarrier();
  var sum = vec4<f32>();
  for (var k = 0u; k < p.n; k++) { sum = fma(tile[k], tile[k / p.n], sum); }
  y[i] = exp(sum);
}
";

    fn facts(guards: Guards) -> Facts {
        let parsed = parse_wgsl("mine.wgsl", KERNEL).unwrap();
        Facts::new(&parsed, parsed.reflect("mine.wgsl").unwrap(), guards)
    }

    #[test]
    fn instructions_are_counted_by_kind_and_depth() {
        let facts = facts(Guards::default());
        assert_eq!((facts.threads, facts.declared.workgroup_memory, facts.barriers), (64, 1024, 1));
        assert_eq!((facts.loops, facts.loop_depth), (1, 1));
        let of = |kind| (facts.module.instructions.of(kind), facts.module.scalars.of(kind));
        assert_eq!(of(Kind::StorageLoad), (2, 8)); // a function that is called twice
        assert_eq!(of(Kind::StorageStore), (1, 4));
        assert_eq!(of(Kind::WorkgroupStore), (1, 4));
        assert_eq!(of(Kind::Transcendental), (1, 4));
        assert_eq!((of(Kind::MultiplyAdd), facts.module.innermost_scalars.of(Kind::MultiplyAdd)), ((1, 4), 4));
        assert_eq!(facts.module.innermost.of(Kind::WorkgroupLoad), 2);
        assert_eq!(facts.module.innermost.of(Kind::StorageLoad), 0);
        let spirv = facts.spirv.unwrap();
        for kind in [Kind::StorageLoad, Kind::StorageStore, Kind::WorkgroupLoad, Kind::MultiplyAdd, Kind::Barrier] {
            assert_eq!(spirv.unguarded.of(kind), facts.module.instructions.of(kind), "{}", kind.name());
        }
    }

    #[test]
    fn every_guard_has_its_price_and_is_gone_when_it_is_off() {
        let all = facts(Guards::default()).spirv.unwrap();
        let added = |facts: &SpirvFacts, guard: &str| facts.guards.iter().find(|g| g.guard == guard).map(|g| g.added);
        for guard in ["bounds", "loops", "division"] {
            assert!(added(&all, guard).is_some_and(|added| added > 0), "{guard}: {all:?}");
        }
        let robust = facts(Guards { robust_buffers: true, ..Guards::default() }).spirv.unwrap();
        assert!(added(&robust, "bounds") < added(&all, "bounds") && added(&robust, "bounds") > Some(0));
        assert_eq!(robust.instructions.of(Kind::Length), 0);
        let off = facts(Guards { checks: crate::gpu::ShaderChecks::OFF, robust_buffers: false }).spirv.unwrap();
        assert_eq!((&off.instructions, off.guards.len()), (&off.unguarded, 0));
        assert_eq!(off.unguarded, all.unguarded);
    }
}
