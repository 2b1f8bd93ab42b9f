// A thread for each group, whose values it reads in pairs of channels and two rows at a time: no barriers, and no sum is passed on. What there is
// not is left out: on CPU drivers both sides of a branch run, and loops that end at their beginning once too often. A group is whole pairs.
# include "shared/halves.wgsl"
# set PAIR = {"f16": "u32", "f32": "vec2<f32>"}
@group(0) @binding(1) var<storage, read> x0: array<${PAIR[X]}>;
@group(0) @binding(2) var<storage, read> x1: array<${PAIR[X]}>;
@group(0) @binding(3) var<storage, read> weight: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> bias: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> y: array<${PAIR[Y]}>;

fn load(row: u32, pair: u32) -> vec2<f32> {
# if TWO
  if pair * 2u >= p.c0 { return ${"unpack2x16float" if X == "f16" else ""}(x1[(row * p.c1 - p.x1_base) / 2u + pair - p.c0 / 2u]); }
# endif
  return ${"unpack2x16float" if X == "f16" else ""}(x0[(row * p.c0 - p.x0_base) / 2u + pair]);
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let index = workgroup_index(wg, workgroups) * ${THREADS}u + thread;
  let stat = p.begin + index / p.groups;
  if stat >= p.end { return; }
  let channels = p.c0 + p.c1;
  let pairs = channels / p.groups / 2u;
  let first = index % p.groups * pairs;
  let row0 = stat * p.rows;
  let last = row0 + p.rows - 1u;
  // Deviations are those from the mean of some values from all over the group: its first one alone may be far off.
  var origin = 0.0;
  var s = 0u;
  loop {
    let v = load(row0 + s * p.rows / 8u, first + s % pairs);
    origin += (v.x + v.y) / 16.0;
    continuing {
      s++;
      break if s >= 8u;
    }
  }
  var sum = 0.0;
  var square = 0.0;
  var pair = first;
  loop {
    // Of one pair: short sums, which are then added.
    var sums = vec4<f32>();
    var squares = vec4<f32>();
    var row = row0;
    loop {
      let v = vec4<f32>(load(row, pair), load(min(row + 1u, last), pair)) - origin;
      let d = vec4<f32>(v.xy, select(vec2<f32>(), v.zw, row < last));
      sums += d;
      squares = fma(d, d, squares);
      continuing {
        row += 2u;
        break if row > last;
      }
    }
    sum += dot(sums, vec4<f32>(1.0));
    square += dot(squares, vec4<f32>(1.0));
    continuing {
      pair++;
      break if pair >= first + pairs;
    }
  }
  let values = f32(2u * pairs * p.rows);
  let offset = sum / values;
  let mean = origin + offset;
  let rstd = inverseSqrt(max(square / values - offset * offset, 0.0) + p.eps);
  pair = first;
  loop {
    let scale = (weight[pair] * rstd).xyxy;
    let shift = bias[pair].xyxy;
    var row = row0;
    loop {
      let next = min(row + 1u, last);
      let v = fma(vec4<f32>(load(row, pair), load(next, pair)) - mean, scale, shift);
# set ACTIVE = "v" if ACTIVATION == "none" else ACTIVATION ~ "4(v)"
# if Y == "f16"
      let packed = halves(${ACTIVE});
      y[(row * channels - p.y_base) / 2u + pair] = packed.x | (packed.y << 16u);
      y[(next * channels - p.y_base) / 2u + pair] = packed.z | (packed.w << 16u);
# else
      let out = ${ACTIVE};
      y[(row * channels - p.y_base) / 2u + pair] = out.xy;
      y[(next * channels - p.y_base) / 2u + pair] = out.zw;
# endif
      continuing {
        row += 2u;
        break if row > last;
      }
    }
    continuing {
      pair++;
      break if pair >= first + pairs;
    }
  }
}
