// group_norm_partial: count, mean and sum of squared deviations of every group of channels, over a segment of a frame's pixels
//
// x0, x1   [F, R, C0], [F, R, C1]   channels side by side; a group may lie in both
// partials [F, S, G, 3]   f32
//
// One workgroup per segment, which takes a tile of channels after the other. A thread walks down the rows of some channels, in sums that are
// shifted by what it sees first: no cancellation however far the mean is from 0. The channels' sums are then combined per group (Chan, Golub &
// LeVeque 1979).
//
// Rungs: small, large  shared/group_norm_partial_lanes.wgsl   4 channels of a thread, and several threads below each other
//        wide          shared/group_norm_partial_eight.wgsl   8 channels of a thread, as 64-bit integers: CPU drivers

struct Params {
  begin: u32,         // first segment of this dispatch
  end: u32,
  segments: u32,      // per frame
  segment_rows: u32,
  rows: u32,          // per frame
  c0: u32,
  c1: u32,
  groups: u32,
  tile: u32,          // vec4 columns side by side, where a thread has 4 channels
  lanes: u32,         // rows at a time there
  x0_base: u32,
  x1_base: u32,
  partials_base: u32,
}

# include "shared/grid.wgsl"
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

const THREADS = ${THREADS}u;
var<workgroup> means: array<vec4<f32>, ${THREADS * QUADS}>;     // of the tile's channels over the segment's rows
var<workgroup> squares: array<vec4<f32>, ${THREADS * QUADS}>;   // and the sums of squared deviations from them

# include BODY

// Which of 4 channels lie between these.
fn belongs(quad: u32, begin: u32, end: u32) -> vec4<bool> {
  let c = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
  return (c >= vec4<u32>(begin)) & (c < vec4<u32>(end));
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let segment = p.begin + workgroup_index(wg, workgroups);
  if segment >= p.end { return; }
  let frame = segment / p.segments;
  let first = segment % p.segments * p.segment_rows;
  let rows = min(p.segment_rows, p.rows - first);
  let row0 = frame * p.rows + first;
  let channels = p.c0 + p.c1;
  let width = channels / p.groups;
  let tile = tile_quads();

  for (var tile0 = 0u; tile0 * 4u < channels; tile0 += tile) {
    sum_channels(thread, row0, rows, tile0);
    workgroupBarrier();

    // Every group has a thread of its own, also when it goes on in the next tile.
    let start = tile0 * 4u;
    let end = min(channels, (tile0 + tile) * 4u);
    let group0 = start / width;
    for (var group = group0 + (thread + THREADS - group0 % THREADS) % THREADS; group * width < end; group += THREADS) {
      let c_from = max(start, group * width) - start;
      let c_to = min(end, (group + 1u) * width) - start;
      var count = f32(rows * (c_to - c_from));
      let origin = means[c_from / 4u][c_from % 4u];
      var means_4 = vec4<f32>();
      for (var quad = c_from / 4u; quad * 4u < c_to; quad++) {
        means_4 += select(vec4<f32>(), means[quad] - origin, belongs(quad, c_from, c_to));
      }
      var mean = origin + dot(means_4, vec4<f32>(1.0)) / f32(c_to - c_from);
      var square_4 = vec4<f32>();
      for (var quad = c_from / 4u; quad * 4u < c_to; quad++) {
        let d = means[quad] - mean;
        square_4 += select(vec4<f32>(), squares[quad] + f32(rows) * d * d, belongs(quad, c_from, c_to));
      }
      var square = dot(square_4, vec4<f32>(1.0));
      let at = (segment * p.groups + group) * 3u - p.partials_base;
      if group * width < start {
        let before = partials[at];
        let d = mean - partials[at + 1u];
        let share = count / (before + count);
        square += partials[at + 2u] + d * d * before * share;
        mean = partials[at + 1u] + d * share;
        count += before;
      }
      partials[at] = count;
      partials[at + 1u] = mean;
      partials[at + 2u] = square;
    }
    workgroupBarrier();
  }
}
