// Tall tile: as the wide tile (gemm_wide.wgsl), with rows and columns exchanged: a lane has TM rows of its own, and all lanes share the TN vec4
// columns of w, of which each of 8 lanes loads another inner index. Few columns fill it, but many rows: wherever no more of it stands empty, it
// is the faster. TM is even.
# set eights = TN // 2
# set TOGETHER = 2

# set TYPES = [X, W, "f32"]
# set OUT = Y
# include "shared/eight.wgsl"
# include "shared/gemm_finish_eight.wgsl"

@compute @workgroup_size(${WG})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let tile = workgroup_index(wg, groups);
  let row0 = p.gemm.row_begin + tile / p.gemm.tiles_n * ROWS;
  if row0 >= p.gemm.row_end { return; }
  let col0 = tile % p.gemm.tiles_n * COLS;
  let n8 = p.gemm.n4 / 2u;
# for e in range(eights)
  let col_${e} = min(col0 / 2u + ${e}u, n8 - 1u);
# endfor
# for i in range(TM)
  let row_${i} = min(row0 + lane + ${i * WG}u, p.gemm.row_end - 1u);
# for c in range(4 * TN)
  var sum_${i}_${c} = 0.0;
# endfor
# endfor
  var w_at = lane * n8;
# set OWN = TM
# set STEP = "shared/gemm_tall_step.wgsl"
# include "shared/gemm_eight.wgsl"
  // Each lane loads a part of the biases.
# for e in range(eights)
  let bias_${e} = bias[bias_at(col_${e} * 4u + lane % 4u)];
  let pair_${e} = bitcast<vec2<f32>>(vec2<u32>(u32(bias_${e}), u32(bias_${e} >> 32u)));
# for half in [0, 1]
  let bias_${e}_${half} = vec4<f32>(
    subgroupBroadcast(pair_${e}.x, ${2 * half}u), subgroupBroadcast(pair_${e}.y, ${2 * half}u),
    subgroupBroadcast(pair_${e}.x, ${2 * half + 1}u), subgroupBroadcast(pair_${e}.y, ${2 * half + 1}u));
# endfor
# endfor
  // In a loop, some rows at a time, as in the wide tile.
  var i = 0u;
  loop {
# for r in range(TOGETHER)
# for e in range(eights)
# for half in [0, 1]
    var v_${r}_${e}_${half} = vec4<f32>();
# endfor
# endfor
# endfor
    switch i {
# for i in range(0, TM, TOGETHER)
      case ${i}u: {
# for r in range(TOGETHER)
# for e in range(eights)
# for half in [0, 1]
# set column = 8 * e + 4 * half
        v_${r}_${e}_${half} = vec4<f32>(sum_${i + r}_${column}, sum_${i + r}_${column + 1}, sum_${i + r}_${column + 2}, sum_${i + r}_${column + 3});
# endfor
# endfor
# endfor
      }
# endfor
      default: { }
    }
# for r in range(TOGETHER)
    let out_${r} = row0 + lane + (i + ${r}u) * ${WG}u;
# for e in range(eights)
    if out_${r} < p.gemm.row_end && col0 / 2u + ${e}u < n8 {
      finish_row(out_${r}, col0 + ${2 * e}u, v_${r}_${e}_0 + bias_${e}_0, v_${r}_${e}_1 + bias_${e}_1);
    }
# endfor
# endfor
    continuing {
      i += ${TOGETHER}u;
      break if i >= ${TM}u;
    }
  }
}
