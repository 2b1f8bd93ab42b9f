// A tile is p.tile vec4 columns, p.lanes rows at a time: threads below each other become one at the end.
# include "shared/channels.wgsl"

fn tile_quads() -> u32 { return p.tile; }

// How many of the segment's rows a lane walks over, lane < min(lanes, rows).
fn lane_rows(lane: u32, rows: u32) -> u32 { return (rows + p.lanes - 1u - lane) / p.lanes; }

fn sum_channels(thread: u32, row0: u32, rows: u32, tile0: u32) {
  let lane = thread / p.tile;
  let column = tile0 + thread % p.tile;
  if lane < min(p.lanes, rows) && column * 4u < p.c0 + p.c1 {
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
}
