// Wide loads, for a workgroup that is one subgroup: each lane has a row of its own, so that no sum is passed on, and loads 8 values at a time as 64-bit
// integers: CPU drivers fetch what a load asks for in a loop over lanes and components. Deviations are those from the mean of the row's first
// 8 values, so that the row is read twice and not three times. Weights and biases are loaded once for all lanes. Loops end at their end: there one that
// asks at its beginning runs once more, with nothing to do. Channels are a multiple of 8.
# set TYPES = [X, "f32"]
# set OUT = Y
# include "shared/eight.wgsl"
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<Eight_${X}>;
@group(0) @binding(2) var<storage, read> weight: array<Eight_f32>;
@group(0) @binding(3) var<storage, read> bias: array<Eight_f32>;
@group(0) @binding(4) var<storage, read_write> y: array<Eight_${Y}>;

const ONES = vec4<f32>(1.0);

@compute @workgroup_size(${ROWS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let width = p.channels / 8u;
  let row = p.begin + workgroup_index(wg, workgroups) * ROWS + lane;
  let x_at = (min(row, p.end - 1u) * p.channels - p.x_base) / 8u;
  let y_at = (row * p.channels - p.y_base) / 8u;
  let first = eight_${X}(x[x_at]);
  let origin = dot(first.low + first.high, ONES) / 8.0;
  var sum = vec4<f32>();
  var square = vec4<f32>();
  var c = 0u;
  loop {
    let v = eight_${X}(x[x_at + c]);
    let low = v.low - origin;
    let high = v.high - origin;
    sum += low + high;
    square = fma(low, low, fma(high, high, square));
    continuing {
      c++;
      break if c >= width;
    }
  }
  let offset = dot(sum, ONES) / f32(p.channels);
  let variance = max(dot(square, ONES) / f32(p.channels) - offset * offset, 0.0);
  let mean = origin + offset;
  let rstd = inverseSqrt(variance + p.eps);
  var c0 = 0u;
  loop {
    let own = min(c0 + lane, width - 1u);
    let weights = eight_f32(weight[own]);
    let biases = eight_f32(bias[own]);
# for j in range(ROWS)
    if c0 + ${j}u < width {
      let v = eight_${X}(x[x_at + c0 + ${j}u]);
      let low = fma((v.low - mean) * rstd, subgroupBroadcast(weights.low, ${j}u), subgroupBroadcast(biases.low, ${j}u));
      let high = fma((v.high - mean) * rstd, subgroupBroadcast(weights.high, ${j}u), subgroupBroadcast(biases.high, ${j}u));
      if row < p.end { y[y_at + c0 + ${j}u] = to_eight(low, high); }
    }
# endfor
    continuing {
      c0 += ${ROWS}u;
      break if c0 >= width;
    }
  }
}
