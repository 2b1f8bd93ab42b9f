// group_norm_partial: count, mean and sum of squared deviations of every group of channels, over a segment of a frame's pixels
//
// x0, x1   [F, R, C0], [F, R, C1]   channels side by side; a group may lie in both
// partials [F, S, G, 3]   f32
//
// One workgroup per segment. A thread walks down the rows of 4 channels, in sums that are shifted by its first value: no
// cancellation however far the mean is from 0. The threads' sums are then combined per group (Chan, Golub & LeVeque 1979).

struct Params {
  begin: u32,         // first segment of this dispatch
  segments: u32,      // per frame
  segment_rows: u32,
  rows: u32,          // per frame
  c0: u32,
  c1: u32,
  groups: u32,
  tile: u32,          // vec4 columns side by side
  lanes: u32,         // rows at a time
  x0_base: u32,
  x1_base: u32,
  partials_base: u32,
}

# include "shared/channels.wgsl"
# include "shared/grid.wgsl"
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

const THREADS = ${THREADS}u;
var<workgroup> means: array<vec4<f32>, ${THREADS}>;
var<workgroup> squares: array<vec4<f32>, ${THREADS}>;

// How many of the segment's rows a lane walks over, lane < min(lanes, rows).
fn lane_rows(lane: u32, rows: u32) -> u32 { return (rows + p.lanes - 1u - lane) / p.lanes; }

// Which of 4 channels lie between these.
fn belongs(quad: u32, begin: u32, end: u32) -> vec4<bool> {
  let c = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
  return (c >= vec4<u32>(begin)) & (c < vec4<u32>(end));
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let segment = p.begin + workgroup_index(wg, workgroups);
  let frame = segment / p.segments;
  let first = segment % p.segments * p.segment_rows;
  let rows = min(p.segment_rows, p.rows - first);
  let row0 = frame * p.rows + first;
  let channels = p.c0 + p.c1;
  let columns = (channels + 3u) / 4u;
  let width = channels / p.groups;
  let lane = thread / p.tile;

  for (var tile0 = 0u; tile0 < columns; tile0 += p.tile) {
    let column = tile0 + thread % p.tile;
    if lane < min(p.lanes, rows) && column < columns {
      let shift = load(row0 + lane, column);
      var sum = vec4<f32>();
      var square = vec4<f32>();
      // UNROLL loads are under way at a time.
      for (var r = lane + p.lanes; r < rows; r += ${UNROLL}u * p.lanes) {
        let d_0 = load(row0 + r, column) - shift;
# for i in range(1, UNROLL)
        let r_${i} = r + ${i}u * p.lanes;
        let d_${i} = select(vec4<f32>(), load(row0 + min(r_${i}, rows - 1u), column) - shift, r_${i} < rows);
# endfor
# for i in range(UNROLL)
        sum += d_${i};
        square = fma(d_${i}, d_${i}, square);
# endfor
      }
      let mean = sum / f32(lane_rows(lane, rows));
      means[thread] = shift + mean;
      squares[thread] = max(square - sum * mean, vec4<f32>());
    }
    workgroupBarrier();

    // The lanes of a column become one.
    if thread < p.tile {
      let origin = means[thread];
      var mean = vec4<f32>();
      for (var l = 1u; l < min(p.lanes, rows); l++) {
        mean += f32(lane_rows(l, rows)) * (means[l * p.tile + thread] - origin);
      }
      mean = origin + mean / f32(rows);
      var square = vec4<f32>();
      for (var l = 0u; l < min(p.lanes, rows); l++) {
        let d = means[l * p.tile + thread] - mean;
        square += squares[l * p.tile + thread] + f32(lane_rows(l, rows)) * d * d;
      }
      means[thread] = mean;
      squares[thread] = square;
    }
    workgroupBarrier();

    // Every group has a thread of its own, also when it goes on in the next tile.
    let start = tile0 * 4u;
    let end = min(channels, (tile0 + p.tile) * 4u);
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
