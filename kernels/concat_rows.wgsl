// concat_rows: y[b] = rows of part0[b], then of part1[b], then of part2[b], + add
//
// part0, part1, part2  [B, rows_i, C], or [rows_i, C] if shared by the whole batch; absent if rows_i = 0
// add                  [rows, C]   the same for the whole batch, or absent
// y                    [B, rows, C]
//
// One thread: one item, 4 channels of a row.

struct Params {
  begin: u32,    // items of this dispatch
  end: u32,
  width: u32,    // items per row
  rows: u32,     // of all parts
  rows0: u32,
  rows1: u32,
  rows2: u32,
  shared0: u32,
  shared1: u32,
  shared2: u32,
  has_add: u32,
  base0: u32,
  base1: u32,
  base2: u32,
  add_base: u32,
  y_base: u32,
}

# include "shared/item.wgsl"
# include "shared/grid.wgsl"
# set XT = "vec4<" ~ X ~ ">" if VEC else X
# set YT = "vec4<" ~ Y ~ ">" if VEC else Y
@group(0) @binding(0) var<uniform> p: Params;
# for i in range(3)
@group(0) @binding(${i + 1}) var<storage, read> part${i}: array<${XT}>;
# endfor
@group(0) @binding(4) var<storage, read> add: array<${XT}>;
@group(0) @binding(5) var<storage, read_write> y: array<${YT}>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = p.begin + workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  if i >= p.end { return; }
  let c = i % p.width;
  let row = i / p.width % p.rows;
  let batch = i / p.width / p.rows;
  var v = Item();
  if row < p.rows0 {
    v = Item(part0[at((select(batch, 0u, p.shared0 > 0u) * p.rows0 + row) * p.width + c, p.base0)]);
  } else if row < p.rows0 + p.rows1 {
    v = Item(part1[at((select(batch, 0u, p.shared1 > 0u) * p.rows1 + row - p.rows0) * p.width + c, p.base1)]);
  } else {
    v = Item(part2[at((select(batch, 0u, p.shared2 > 0u) * p.rows2 + row - p.rows0 - p.rows1) * p.width + c, p.base2)]);
  }
  if p.has_add > 0u { v += Item(add[at(row * p.width + c, p.add_base)]); }
  y[at(i, p.y_base)] = stored(v);
}
