// pointwise: y[i] = act(scale * a[i % a_items] + b[i % b_items])
//
// y  [elements]
// a  [a_elements]   repeated to the length of y
// b  [b_elements]   likewise, or absent
//
// One thread: 4 elements.

struct Params {
  begin: u32,   // blocks of 4 elements of this dispatch
  end: u32,
  elements: u32,
  scale: f32,
  a_elements: u32,
  b_elements: u32,   // 0: no b
  activation: u32,
  a_base: u32,
  b_base: u32,
  y_base: u32,
}

# set AT = "vec4<" ~ A ~ ">" if VEC else A
# set BT = "vec4<" ~ B ~ ">" if VEC else B
# set YT = "vec4<" ~ Y ~ ">" if VEC else Y
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<${AT}>;
@group(0) @binding(2) var<storage, read> b: array<${BT}>;
@group(0) @binding(3) var<storage, read_write> y: array<${YT}>;

# include "shared/activation.wgsl"
# include "shared/store.wgsl"
# include "shared/grid.wgsl"

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let block = p.begin + workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if block >= p.end { return; }
  let i = block * 4u;
# if VEC
  var v = p.scale * vec4<f32>(a[(i % p.a_elements - p.a_base) / 4u]);
  if p.b_elements > 0u { v += vec4<f32>(b[(i % p.b_elements - p.b_base) / 4u]); }
  y[(i - p.y_base) / 4u] = to_${Y}(activate(p.activation, v));
# else
  let count = min(4u, p.elements - i);
  var v = vec4<f32>();
  for (var k = 0u; k < count; k++) {
    v[k] = p.scale * f32(a[(i + k) % p.a_elements - p.a_base]);
    if p.b_elements > 0u { v[k] += f32(b[(i + k) % p.b_elements - p.b_base]); }
  }
  let rounded = to_${Y}(activate(p.activation, v));
  for (var k = 0u; k < count; k++) { y[i + k - p.y_base] = rounded[k]; }
# endif
}
