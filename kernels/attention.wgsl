// attention: y[i] = sum_j softmax_j(q[i] . k[j] / sqrt(width)) v[j], for every sequence and head; causal: j <= i only
// Keys are taken a few at a time with a running maximum m, sum l and weighted sum of values (online softmax, FlashAttention): no
// score is ever stored. Scores are kept in units of ln 2, so that exp2 serves.
//
// q, y  [outer, q_tokens, inner, heads * width]   inner = 1: token after token; temporal: inner = pixels, a token is a frame
// k, v  [outer / share, k_tokens, inner, heads * width]
// Rows of q, k and v may be longer: where all three, or k and v, are columns of one tensor, it is bound once for each.
// A group is the queries that meet the same keys: one sequence, or all sequences that share one context. A tile is the queries of
// one group, an item one head of one tile.
//
// Rungs: portable   shared/attention_rows.wgsl    a thread holds whole query rows; keys and values straight from storage, at addresses
//                                                 that are the same for all lanes. The fallback.
//        broadcast  shared/attention_rows.wgsl    a workgroup is one subgroup, whose lanes load different parts of a block of keys and hand
//                                                 them round: an eighth of the loads. For CPU drivers, 4 to 5 times as fast there.
//        wide       shared/attention_wide.wgsl   the same with 8 values per load and sums that stay in registers: 2 to 3 times as fast again.
//        packed     shared/attention_rows.wgsl    several items per workgroup, so that short sequences (16 frames) leave no lane idle.
//        workgroup  shared/attention_rows.wgsl    blocks of keys and values staged in workgroup memory: fewer loads per query on GPUs.
//        matrix     shared/attention_matrix.wgsl  cooperative matrices multiply, and scores pass through workgroup memory. GPUs with tensor cores.
//        short      shared/attention_short.wgsl   a subgroup takes a whole sequence that is as long as a matrix's side (16 frames).
//        split      shared/attention_split.wgsl   many threads share a query row, each a slice of it: wide heads (512) without spilled registers.

struct Params {
  row_begin: u32,    // queries of this dispatch, counted group by group
  row_end: u32,
  group_rows: u32,   // queries of a group
  k_tokens: u32,
  inner: u32,
  heads: u32,
  share: u32,        // groups that share keys and values
  causal: u32,
  tile_begin: u32,   // first tile of this dispatch
  tiles: u32,        // tiles of a group
  tile_count: u32,   // tiles of this dispatch
  heads_first: u32,  // 1: neighbouring items are heads of one tile; 0: tiles of one head
  q_row: u32,        // elements from a row of q to the next
  k_row: u32,        // the same of k, and of v
  q_base: u32,       // elements at which the bindings start, less the columns in front of q, k and v
  k_base: u32,
  v_base: u32,
  y_base: u32,
  scale: f32,        // 1 / (sqrt(width) ln 2)
}

@group(0) @binding(0) var<uniform> p: Params;
# if WIDE
@group(0) @binding(1) var<storage, read> q: array<Eight_${X}>;
@group(0) @binding(2) var<storage, read> k: array<Eight_${X}>;
@group(0) @binding(3) var<storage, read> v: array<Eight_${X}>;
@group(0) @binding(4) var<storage, read_write> y: array<Eight_${Y}>;
# set TYPES = [X]
# set OUT = Y
# include "shared/eight.wgsl"
# elif VEC
@group(0) @binding(1) var<storage, read> q: array<vec4<${X}>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<${X}>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<${X}>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<${Y}>>;
# else
@group(0) @binding(1) var<storage, read> q: array<${X}>;
@group(0) @binding(2) var<storage, read> k: array<${X}>;
@group(0) @binding(3) var<storage, read> v: array<${X}>;
@group(0) @binding(4) var<storage, read_write> y: array<${Y}>;
# endif

# if not WIDE
# include "shared/store.wgsl"
# endif
# include "shared/grid.wgsl"

const TILE = ${TILE}u;    // queries of a tile
const SLOTS = ${SLOTS}u;   // items of a workgroup
const W4 = ${(WIDTH + 3) // 4}u;   // a head's width in vec4
const NO_SCORE = -3.0e38;           // of a hidden key: exp2 makes it 0, and it is finite, so that no difference is NaN

# if not WIDE and not MATRIX
// 4 columns of a head: `at` is the head's first element, `d` counts vec4. Columns beyond an odd width are 0.
# for t in ["q", "k", "v"]
fn load_${t}(at: u32, d: u32) -> vec4<f32> {
# if VEC
  return vec4<f32>(${t}[at / 4u + d]);
# else
  var c = vec4<f32>();
  for (var i = 0u; i < min(4u, ${WIDTH}u - d * 4u); i++) { c[i] = f32(${t}[at + d * 4u + i]); }
  return c;
# endif
}
# endfor

# endif
# if not WIDE
fn store_y(at: u32, d: u32, c: vec4<f32>) {
# if VEC
  y[at / 4u + d] = to_${Y}(c);
# else
  let rounded = to_${Y}(c);
  for (var i = 0u; i < min(4u, ${WIDTH}u - d * 4u); i++) { y[at + d * 4u + i] = rounded[i]; }
# endif
}
# endif

struct Item {
  head: u32,
  group: u32,
  tile_row: u32,   // first query of the tile, in its group
  first: u32,      // queries of the tile's group that belong to this dispatch, in the group
  last: u32,
  keys: u32,       // keys that the tile's queries see
}

fn item_at(index: u32, tile_rows: u32) -> Item {
  let heads_first = p.heads_first > 0u;
  let head = select(index / p.tile_count, index % p.heads, heads_first);
  let tile = p.tile_begin + select(index % p.tile_count, index / p.heads, heads_first);
  let group = tile / p.tiles;
  let start = group * p.group_rows;
  let tile_row = tile % p.tiles * tile_rows;
  let first = max(p.row_begin, start) - start;
  let last = min(p.row_end - start, p.group_rows) - 1u;
  let keys = select(p.k_tokens, min(p.k_tokens, tile_row + tile_rows), p.causal > 0u);
  return Item(head, group, tile_row, first, last, keys);
}

// The first element of a token's head in a tensor with so many tokens of a sequence and so many elements of a row.
fn element(sequence: u32, tokens: u32, token: u32, item: Item, length: u32) -> u32 {
  let row = (sequence * tokens + token) * p.inner + item.group % p.inner;
  return row * length + item.head * ${WIDTH}u;
}

fn q_element(sequence: u32, row: u32, item: Item) -> u32 { return element(sequence, p.group_rows, row, item, p.q_row) - p.q_base; }

fn y_element(sequence: u32, row: u32, item: Item) -> u32 {
  return element(sequence, p.group_rows, row, item, p.heads * ${WIDTH}u) - p.y_base;
}

// Of the first key or value of a sequence; the base of k or of v is still to be taken off.
fn kv_element(sequence: u32, item: Item) -> u32 { return element(sequence / p.share, p.k_tokens, 0u, item, p.k_row); }

# include BODY
