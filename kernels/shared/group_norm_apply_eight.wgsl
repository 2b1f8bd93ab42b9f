// 8 channels of a thread, all of one input: CPU drivers fetch what a load asks for in a loop over lanes and components.
// An activation that there is not is left out: there both sides of a branch run. And loops end at their end: one that asks at its beginning runs once
// more there, with nothing to do. Both numbers of channels are multiples of 8.
# set TYPES = [X, "f32"]
# set OUT = Y
# include "shared/eight.wgsl"
# include "shared/activation.wgsl"
# include "shared/channels_eight.wgsl"
@group(0) @binding(3) var<storage, read> stats: array<u64>;
@group(0) @binding(4) var<storage, read> weight: array<Eight_f32>;
@group(0) @binding(5) var<storage, read> bias: array<Eight_f32>;
@group(0) @binding(6) var<storage, read_write> y: array<Eight_${Y}>;

// Mean and 1 / standard deviation of a channel.
fn statistics(at: u32, channel: u32) -> vec2<f32> {
  let pair = stats[at + channel / p.group_width];
  return bitcast<vec2<f32>>(vec2<u32>(u32(pair), u32(pair >> 32u)));
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let columns = (p.c0 + p.c1) / CHANNELS;
  let index = workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  let column = index % columns;
  let first = p.begin + index / columns * ROWS;
  if first >= p.end { return; }
  let last = min(p.end, first + ROWS);
  let weights = eight_f32(weight[column]);
  let biases = eight_f32(bias[column]);
  var row = first;
  loop {
    let stat = row / p.rows_per_stat;
    let until = min(last, (stat + 1u) * p.rows_per_stat);
    let at = (stat * p.stats_width - p.stats_base) / 2u;
# for i in range(8)
    let s_${i} = statistics(at, column * 8u + ${i}u);
# endfor
    let mean_low = vec4<f32>(s_0.x, s_1.x, s_2.x, s_3.x);
    let mean_high = vec4<f32>(s_4.x, s_5.x, s_6.x, s_7.x);
    let scale_low = vec4<f32>(s_0.y, s_1.y, s_2.y, s_3.y) * weights.low;
    let scale_high = vec4<f32>(s_4.y, s_5.y, s_6.y, s_7.y) * weights.high;
    loop {
      let v = load(row, column);
      let low = fma(v.low - mean_low, scale_low, biases.low);
      let high = fma(v.high - mean_high, scale_high, biases.high);
      y[(row * (p.c0 + p.c1) - p.y_base) / 8u + column] = ${"to_eight(low, high)" if ACTIVATION == "none" else "to_eight(" ~ ACTIVATION ~ "4(low), " ~ ACTIVATION ~ "4(high))"};
      continuing {
        row++;
        break if row >= until;
      }
    }
    continuing { break if row >= last; }
  }
}
