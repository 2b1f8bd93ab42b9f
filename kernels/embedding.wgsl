// embedding: y[t] = table[min(ids[t], V - 1)] + position[t]
//
// ids       [T]      u32
// table     [V, C]   f32, or f16 in pairs
// position  [T, C]   or absent
// y         [T, C]
//
// One thread: one item, 4 channels of a token. A dispatch sees some rows of the table and writes the tokens that are among them.

struct Params {
  begin: u32,        // rows of the table of this dispatch
  end: u32,
  tokens: u32,
  vocabulary: u32,
  width: u32,        // items per row
  positions: u32,
  ids_base: u32,
  table_base: u32,
}

# include "shared/item.wgsl"
# include "shared/grid.wgsl"
# if VEC
# set WT = "vec2<u32>" if W == "f16" else "vec4<f32>"
# else
# set WT = "u32" if W == "f16" else "f32"
# endif
# set PT = "vec4<f32>" if VEC else "f32"
# set YT = "vec4<" ~ Y ~ ">" if VEC else Y
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<${WT}>;
@group(0) @binding(3) var<storage, read> position: array<${PT}>;
@group(0) @binding(4) var<storage, read_write> y: array<${YT}>;

fn load(item: u32) -> Item {
  let i = at(item, p.table_base);
# if W == "f16" and VEC
  return vec4<f32>(unpack2x16float(table[i].x), unpack2x16float(table[i].y));
# elif W == "f16"
  return unpack2x16float(table[i / 2u])[i % 2u];
# else
  return table[i];
# endif
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if i >= p.tokens * p.width { return; }
  let id = min(ids[i / p.width - p.ids_base], p.vocabulary - 1u);
  if id < p.begin || id >= p.end { return; }
  var v = load(id * p.width + i % p.width);
  if p.positions > 0u { v += position[i]; }
  y[i] = stored(v);
}
