// copy: how fast memory is read and written
//
// x, y  [size] vec4<T>, size a power of two; T is f32, or u64, which CPU drivers load at once where they gather f32s one by one
//
// y[j] = x[j ^ flip]. Every workgroup writes `span` vec4s that lie together, `rounds` times over. flip changes from round to round, so that
// other threads read what one read before, and no round is like the last.

struct Params {
  rounds: u32,     // times that all of x is read and all of y is written
  size: u32,       // vec4s
  span: u32,       // vec4s of a workgroup: a power of two, at least THREADS * VECTORS
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<${T}>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<${T}>>;

# include "shared/grid.wgsl"

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let begin = workgroup_index(wg, groups) * p.span;
  if begin >= p.size { return; }
  for (var round = 0u; round < p.rounds; round++) {
    let flip = (round * 1024u) & (p.size - 1u);
    for (var at = begin + thread; at < begin + p.span; at += ${THREADS * VECTORS}u) {
# for v in range(VECTORS)
      let x_${v} = x[(at + ${v * THREADS}u) ^ flip];
# endfor
# for v in range(VECTORS)
      y[at + ${v * THREADS}u] = x_${v};
# endfor
    }
  }
}
