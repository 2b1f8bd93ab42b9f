// Workgroup tile: 16 x 16 threads stage 16 inner indices of (16 * TM) rows and (16 * TN) vec4 columns in workgroup memory; each
// thread then holds TM rows x TN vec4 columns. What GPUs like.

var<workgroup> a_tile: array<vec4<f32>, ${16 * TM * 4}>;   // [rows][4 vec4 of 4 inner indices]
var<workgroup> b_tile: array<vec4<f32>, ${16 * 16 * TN}>;  // [16 inner indices][vec4 columns]

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) lane: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let tile = workgroup_index(wg, groups);
  let row0 = p.gemm.row_begin + tile / p.gemm.tiles_n * ROWS;
  let tile_col = tile % p.gemm.tiles_n * COLS;
  let col0 = tile_col + lane.x * ${TN}u;
# for i in range(TM)
# for j in range(TN)
  var sum_${i}_${j} = vec4<f32>();
# endfor
# endfor
  // The tile's rows lie in one batch: the host starts a new row of tiles with every batch.
  var k_at = select(0u, row0 / p.gemm.rows_per_batch * p.gemm.w_batch, p.gemm.w_batch > 0u);
  // This thread stages inner quad `quad` of rows `stage_row + 64 i`.
  let quad = thread % 4u;
  let stage_row = thread / 4u;
  for (var tap = 0u; tap < p.gemm.taps; tap++) {
# for i in range(TM // 4)
    let row_${i} = row0 + stage_row + ${64 * i}u;
    var pixel_${i} = -1;
    if row_${i} < p.gemm.row_end { pixel_${i} = tap_pixel(row_${i}, tap); }
# endfor
# for s in ["0", "1"]
    for (var c = 0u; c < (p.gemm.c${s} + 3u) / 4u; c += 4u) {
      let inner4 = (p.gemm.c${s} + 3u) / 4u;
# for i in range(TM // 4)
      a_tile[(stage_row + ${64 * i}u) * 4u + quad] = load_x${s}(select(-1, pixel_${i}, c + quad < inner4), c + quad);
# endfor
      for (var slot = thread; slot < 16u * COLS; slot += 256u) {
        let k = slot / COLS;
        let col = tile_col + slot % COLS;
        let inside = c * 4u + k < inner4 * 4u && col < p.gemm.n4;
        b_tile[slot] = select(vec4<f32>(), load_w(select(0u, k_at + k * p.gemm.n4 + col, inside)), inside);
      }
      workgroupBarrier();
      for (var q = 0u; q < 4u; q++) {
# for i in range(TM)
        let a_${i} = a_tile[(lane.y * ${TM}u + ${i}u) * 4u + q];
# endfor
# for k in ["x", "y", "z", "w"]
# set inner = loop.index0
# for j in range(TN)
        let b_${k}_${j} = b_tile[(q * 4u + ${inner}u) * COLS + lane.x * ${TN}u + ${j}u];
# endfor
# for i in range(TM)
# for j in range(TN)
        sum_${i}_${j} = fma(vec4<f32>(a_${i}.${k}), b_${k}_${j}, sum_${i}_${j});
# endfor
# endfor
# endfor
      }
      workgroupBarrier();
      k_at += min(16u, (inner4 - c) * 4u) * p.gemm.n4;
    }
# endfor
  }
# for i in range(TM)
  {
    let row = row0 + lane.y * ${TM}u + ${i}u;
    if row < p.gemm.row_end {
# if GEGLU
# for j in range(0, TN, 2)
      if col0 + ${j}u < p.gemm.n4 { finish_geglu(row, col0 + ${j}u, sum_${i}_${j}, sum_${i}_${j + 1}); }
# endfor
# else
# for j in range(TN)
      if col0 + ${j}u < p.gemm.n4 { finish(row, col0 + ${j}u, sum_${i}_${j}); }
# endfor
# endif
    }
  }
# endfor
}
