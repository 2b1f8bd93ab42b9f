// Register tile: every thread holds TM rows x TN vec4 columns and reads its operands straight from storage. The rows depend on the
// workgroup alone, so that the loads of x are the same for all lanes. No workgroup memory, no barriers, no subgroups.

@compute @workgroup_size(${WG})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_id) lane: vec3<u32>) {
  let tile = workgroup_index(wg, groups);
  let row0 = p.gemm.row_begin + tile / p.gemm.tiles_n * ROWS;
  if row0 >= p.gemm.row_end { return; }
  let col0 = (tile % p.gemm.tiles_n * ${WG}u + lane.x) * ${TN}u;
# for j in range(TN)
  let col_${j} = min(col0 + ${j}u, p.gemm.n4 - 1u);
# endfor
# for i in range(TM)
  let row_${i} = min(row0 + ${i}u, p.gemm.row_end - 1u);
# for j in range(TN)
  var sum_${i}_${j} = vec4<f32>();
# endfor
# endfor
  var k_at = 0u;
  for (var tap = 0u; tap < p.gemm.taps; tap++) {
# for i in range(TM)
    let pixel_${i} = tap_pixel(row_${i}, tap);
# endfor
# for s in ["0", "1"]
    for (var c = 0u; c < (p.gemm.c${s} + 3u) / 4u; c++) {
# for i in range(TM)
      let a_${i} = load_x${s}(pixel_${i}, c);
# endfor
# for k in ["x", "y", "z", "w"]
# for j in range(TN)
      let b_${k}_${j} = load_w(k_at + col_${j});
# endfor
      k_at += p.gemm.n4;
# for i in range(TM)
# for j in range(TN)
      sum_${i}_${j} = fma(vec4<f32>(a_${i}.${k}), b_${k}_${j}, sum_${i}_${j});
# endfor
# endfor
# endfor
    }
# endfor
  }
# include "shared/gemm_finish.wgsl"
}
