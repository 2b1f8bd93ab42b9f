// read: how fast memory is read
//
// x  [size] vec4<T>, size a power of two; T is f32 or u64, see copy.wgsl
// y  [size / span * THREADS] T
//
// y[i] = sum of x[j ^ far] over the j of thread i and all rounds: see copy.wgsl for the order. The sums are stored, so that nothing is
// left out.

struct Params {
  rounds: u32,     // times that all of x is read
  size: u32,       // vec4s
  span: u32,       // vec4s of a workgroup: a power of two, at least THREADS * VECTORS
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<${T}>>;
@group(0) @binding(2) var<storage, read_write> y: array<${T}>;

# include "shared/grid.wgsl"

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup_index(wg, groups);
  let begin = group * p.span;
  if begin >= p.size { return; }
# for v in range(VECTORS)
  var sum_${v} = vec4<${T}>();
# endfor
  for (var round = 0u; round < p.rounds; round++) {
    let far = (round * 0x9e3779b1u) & (p.size - 1u) & ~1023u;
    for (var at = begin + thread; at < begin + p.span; at += ${THREADS * VECTORS}u) {
# for v in range(VECTORS)
      sum_${v} += x[(at + ${v * THREADS}u) ^ far];
# endfor
    }
  }
# for v in range(1, VECTORS)
  sum_0 += sum_${v};
# endfor
  y[group * ${THREADS}u + thread] = sum_0.x + sum_0.y + sum_0.z + sum_0.w;
}
