// Split sums: SLICES threads share TM rows of a vec4 column. Each takes every SLICES-th vec4 of inner indices, UNROLL of them on their way at a time, and
// their sums meet in workgroup memory. For few rows, of which tiles would leave most of a GPU idle. One input, no taps.
# set UNROLL = 4

var<workgroup> sums: array<vec4<f32>, ${SLICES * TM * COLS}>;   // [slices][rows][columns]

@compute @workgroup_size(${SLICES * COLS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let tile = workgroup_index(wg, groups);
  let row0 = p.gemm.row_begin + tile / p.gemm.tiles_n * ROWS;
  let col0 = tile % p.gemm.tiles_n * COLS;
  let col = min(col0 + thread % COLS, p.gemm.n4 - 1u);
  let inner4 = (p.gemm.c0 + 3u) / 4u;
# for i in range(TM)
  let pixel_${i} = tap_pixel(min(row0 + ${i}u, p.gemm.row_end - 1u), 0u);
  var sum_${i} = vec4<f32>();
# endfor
  for (var c = thread / COLS; c < inner4; c += ${SLICES * UNROLL}u) {
# for u in range(UNROLL)
    let in_${u} = c + ${u * SLICES}u < inner4;
    let at_${u} = min(c + ${u * SLICES}u, inner4 - 1u);
# for i in range(TM)
    let a_${u}_${i} = select(vec4<f32>(), load_x0(pixel_${i}, at_${u}), in_${u});
# endfor
# for k in range(4)
    let b_${u}_${k} = load_w((at_${u} * 4u + ${k}u) * p.gemm.n4 + col);
# endfor
# endfor
# for u in range(UNROLL)
# for i in range(TM)
# for k in range(4)
    sum_${i} = fma(vec4<f32>(a_${u}_${i}.${"xyzw"[k]}), b_${u}_${k}, sum_${i});
# endfor
# endfor
# endfor
  }
# for i in range(TM)
  sums[(thread / COLS * ROWS + ${i}u) * COLS + thread % COLS] = sum_${i};
# endfor
  workgroupBarrier();
  let row = row0 + thread / COLS;
  if thread < ROWS * COLS && row < p.gemm.row_end && col0 + thread % COLS < p.gemm.n4 {
    var sum = vec4<f32>();
    for (var at = thread; at < ${SLICES * TM * COLS}u; at += ROWS * COLS) { sum += sums[at]; }
    finish(row, col, sum);
  }
}
