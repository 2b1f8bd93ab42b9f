// multiply_add: how many multiply-adds a second vec4s of T in registers allow
//
// y  [threads] f32
//
// CHAINS chains a = a * factor + term that do not depend on each other, STEPS times in a row without a loop. With factor -1 each step takes
// a to term - a, exactly: all values stay what they are or become that, and an odd number of steps shows. y[i] = sum of the chains.
// Operations of a thread: 8 per chain and step, 4 lanes times 2.

struct Params {
  rounds: u32,     // rounds of STEPS steps; one step more follows
  threads: u32,    // threads of the grid
  factor: f32,     // -1, which no compiler knows
  term: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

# include "shared/grid.wgsl"

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = workgroup_index(wg, groups) * ${THREADS}u + thread;
  if i >= p.threads { return; }
  let factor = vec4<${T}>(${T}(p.factor));
  let term = vec4<${T}>(${T}(p.term));
# for c in range(CHAINS)
  var a_${c} = vec4<${T}>(${T}(0.25), ${T}(0.5), ${T}(i % 4u), ${T}(${c}));
# endfor
  for (var round = 0u; round < p.rounds; round++) {
# for s in range(STEPS)
# for c in range(CHAINS)
    a_${c} = fma(a_${c}, factor, term);
# endfor
# endfor
  }
# for c in range(CHAINS)
  a_${c} = fma(a_${c}, factor, term);
# endfor
  var sum = vec4<f32>(a_0);
# for c in range(1, CHAINS)
  sum += vec4<f32>(a_${c});
# endfor
  y[i] = dot(sum, vec4<f32>(1.0));
}
