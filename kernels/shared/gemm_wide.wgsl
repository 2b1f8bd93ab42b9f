// Wide tile: as the broadcast tile (the workgroup is one subgroup, TM rows x WG * 8 columns, no element is loaded twice), but every lane loads
// 8 values at a time as 64-bit integers, and a sum takes all 8 inner indices before the next is begun, so that it stays in a register.
// What CPU drivers like: there a loop over lanes and components fetches what a load asks for, and what does not fit into registers is
// written back after every step. What a product does not have is left out: there both sides of a branch run. And loops end at their end: one that asks
// at its beginning runs once more there, with nothing to do. Channels and columns are multiples of 8.
# set loads = TM // WG
# set TOGETHER = 4

# set TYPES = [X, W, "f32"]
# set OUT = Y
# include "shared/eight.wgsl"
# include "shared/gemm_finish_eight.wgsl"

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
# if not ONE_TAP
  let place_${l} = place(row_${l});
# endif
# endfor
# for i in range(TM)
# for j in [0, 1]
# for c in ["x", "y", "z", "w"]
  var sum_${i}_${j}_${c} = 0.0;
# endfor
# endfor
# endfor
  var k_at = 0u;
# if not ONE_TAP
  var tap = 0u;
  loop {
# endif
# for l in range(loads)
# if ONE_TAP
    let pixel_${l} = place(row_${l}).x;
# else
    let under_${l} = under(place_${l}, tap);
    let inside_${l} = under_${l} >= 0;
# endif
# endfor
# for s in ["0", "1"] if s == "0" or TWO
# for l in range(loads)
# if ONE_TAP
    let x${s}_at_${l} = (pixel_${l} * p.gemm.c${s} - p.gemm.x${s}_base) / 8u;
# else
    let x${s}_at_${l} = select(0u, (u32(under_${l}) * p.gemm.c${s} - p.gemm.x${s}_base) / 8u, inside_${l});
# endif
# endfor
    var c_${s} = 0u;
    loop {
# for l in range(loads)
# if ONE_TAP
      let v_${l} = eight_${X}(x${s}[x${s}_at_${l} + c_${s}]);
# else
      let loaded_${l} = eight_${X}(x${s}[x${s}_at_${l} + c_${s}]);
      let v_${l} = Eight(select(vec4<f32>(), loaded_${l}.low, inside_${l}), select(vec4<f32>(), loaded_${l}.high, inside_${l}));
# endif
# endfor
# for k in range(8)
      let b_${k} = eight_${W}(w[k_at + ${k}u * n8 + col]);
# endfor
# for i in range(TM)
      {
# for k in range(8)
        let a_${k} = subgroupBroadcast(v_${i // WG}.${"low" if k < 4 else "high"}.${"xyzw"[k % 4]}, ${i % WG}u);
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
      continuing {
        k_at += 8u * n8;
        c_${s}++;
        break if c_${s} >= p.gemm.c${s} / 8u;
      }
    }
# endfor
# if not ONE_TAP
    continuing {
      tap++;
      break if tap >= p.gemm.taps;
    }
  }
# endif
  if col0 < p.gemm.n4 {
    let biases = eight_f32(bias[col]);
    // In a loop: unrolled, the epilogue would take most of the time to compile. Some rows at a time: choosing sums costs as much as making them.
    var i = 0u;
    loop {
# for r in range(TOGETHER)
# for j in [0, 1]
      var v_${r}_${j} = vec4<f32>();
# endfor
# endfor
      switch i {
# for i in range(0, TM, TOGETHER)
        case ${i}u: {
# for r in range(TOGETHER)
# for j in [0, 1]
          v_${r}_${j} = vec4<f32>(sum_${i + r}_${j}_x, sum_${i + r}_${j}_y, sum_${i + r}_${j}_z, sum_${i + r}_${j}_w);
# endfor
# endfor
        }
# endfor
        default: { }
      }
# for r in range(TOGETHER)
      if row0 + i + ${r}u < p.gemm.row_end { finish_row(row0 + i + ${r}u, col0, v_${r}_0 + biases.low, v_${r}_1 + biases.high); }
# endfor
      continuing {
        i += ${TOGETHER}u;
        break if i >= min(${TM}u, p.gemm.row_end - row0);
      }
    }
  }
}
