// Wide tile: as the broadcast tile (the workgroup is one subgroup, TM rows x WG * 8 columns, no element is loaded twice), but every lane loads
// 8 values at a time as 64-bit integers, and a sum takes all 8 inner indices before the next is begun, so that it stays in a register.
// What CPU drivers like: there a loop over lanes and components fetches what a load asks for, and what does not fit into registers is
// written back after every step. What an epilogue does not have is left out: there both sides of a branch run. Channels and columns are multiples of 8.
# set loads = TM // WG

# set TYPES = [X, W]
# set OUT = Y
# include "shared/eight.wgsl"

@compute @workgroup_size(${WG})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let tile = workgroup_index(wg, groups);
  let row0 = p.gemm.row_begin + tile / p.gemm.tiles_n * ROWS;
  if row0 >= p.gemm.row_end { return; }
  let col0 = (tile % p.gemm.tiles_n * ${WG}u + lane) * 2u;
  let n8 = p.gemm.n4 / 2u;
  let col = min(col0 / 2u, n8 - 1u);
# for l in range(loads)
  let row_${l} = min(row0 + lane + ${l * WG}u, p.gemm.row_end - 1u);
# endfor
# for i in range(TM)
# for j in [0, 1]
# for c in ["x", "y", "z", "w"]
  var sum_${i}_${j}_${c} = 0.0;
# endfor
# endfor
# endfor
  var k_at = 0u;
  for (var tap = 0u; tap < p.gemm.taps; tap++) {
# for l in range(loads)
    let pixel_${l} = tap_pixel(row_${l}, tap);
    let inside_${l} = pixel_${l} >= 0;
# endfor
# for s in ["0", "1"]
# for l in range(loads)
    let x${s}_at_${l} = select(0u, (u32(pixel_${l}) * p.gemm.c${s} - p.gemm.x${s}_base) / 8u, inside_${l});
# endfor
    for (var c = 0u; c < p.gemm.c${s} / 8u; c++) {
# for l in range(loads)
      let v_${l} = eight_${X}(x${s}[x${s}_at_${l} + c]);
# endfor
# for l in range(loads)
      let low_${l} = select(vec4<f32>(), v_${l}.low, inside_${l});
      let high_${l} = select(vec4<f32>(), v_${l}.high, inside_${l});
# endfor
# for k in range(8)
      let b_${k} = eight_${W}(w[k_at + ${k}u * n8 + col]);
# endfor
      k_at += 8u * n8;
# for i in range(TM)
      {
# for k in range(8)
        let a_${k} = subgroupBroadcast(${"low" if k < 4 else "high"}_${i // WG}.${"xyzw"[k % 4]}, ${i % WG}u);
# endfor
# for j in [0, 1]
# for c in ["x", "y", "z", "w"]
# for k in range(8)
        sum_${i}_${j}_${c} = fma(a_${k}, b_${k}.${"high" if j else "low"}.${c}, sum_${i}_${j}_${c});
# endfor
# endfor
# endfor
      }
# endfor
    }
# endfor
  }
  if col0 < p.gemm.n4 {
    let bias_low = bias[col0];
    let bias_high = bias[col0 + 1u];
    // In a loop: unrolled, the epilogue would take most of the time to compile.
    for (var i = 0u; i < min(${TM}u, p.gemm.row_end - row0); i++) {
      let row = row0 + i;
      var v_0 = vec4<f32>();
      var v_1 = vec4<f32>();
      switch i {
# for i in range(TM)
        case ${i}u: {
# for j in [0, 1]
          v_${j} = vec4<f32>(sum_${i}_${j}_x, sum_${i}_${j}_y, sum_${i}_${j}_z, sum_${i}_${j}_w);
# endfor
        }
# endfor
        default: { }
      }
      v_0 += bias_low;
      v_1 += bias_high;
# if GEGLU
      y[(row * p.gemm.n - p.gemm.y_base) / 4u + col] = to_four(v_0 * gelu4(v_1));
# else
# if GROUPED
      let group = eight_${X}(row_bias[(row / p.gemm.rows_per_group * p.gemm.n - p.gemm.row_bias_base) / 8u + col]);
      v_0 += group.low;
      v_1 += group.high;
# endif
# if ACTIVATION != "none"
      v_0 = ${ACTIVATION}4(v_0);
      v_1 = ${ACTIVATION}4(v_1);
# endif
# if RESIDUAL
      let before = eight_${X}(residual[(row * p.gemm.n - p.gemm.residual_base) / 8u + col]);
      v_0 += before.low;
      v_1 += before.high;
# endif
      y[(row * p.gemm.n - p.gemm.y_base) / 8u + col] = to_eight(v_0, v_1);
# endif
    }
  }
}
