// Broadcast tile: the workgroup is one subgroup and holds TM rows x (WG * TN) vec4 columns. Every lane loads x for rows of its own and
// hands the values to all lanes, and w for columns of its own: no element is loaded twice. What CPU drivers with subgroups like, where
// every element that a lane loads costs as much as several multiply-adds. One inner index per step, so that little code is unrolled. Loops end at their
// end: there one that asks at its beginning runs once more, with nothing to do.
# set loads = TM // WG

@compute @workgroup_size(${WG})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let tile = workgroup_index(wg, groups);
  let row0 = p.gemm.row_begin + tile / p.gemm.tiles_n * ROWS;
  if row0 >= p.gemm.row_end { return; }
  let col0 = (tile % p.gemm.tiles_n * ${WG}u + lane) * ${TN}u;
# for j in range(TN)
  let col_${j} = min(col0 + ${j}u, p.gemm.n4 - 1u);
# endfor
# for l in range(loads)
  let row_${l} = min(row0 + lane + ${l * WG}u, p.gemm.row_end - 1u);
# endfor
# for i in range(TM)
# for j in range(TN)
  var sum_${i}_${j} = vec4<f32>();
# endfor
# endfor
  var k_at = 0u;
# if ONE_TAP
  let tap = 0u;
# else
  var tap = 0u;
  loop {
# endif
# for l in range(loads)
    let pixel_${l} = tap_pixel(row_${l}, tap);
    let inside_${l} = pixel_${l} >= 0;
# endfor
# for s in ["0", "1"] if s == "0" or TWO
# for l in range(loads)
    let x${s}_at_${l} = select(0u, u32(pixel_${l}) * p.gemm.c${s} - p.gemm.x${s}_base, inside_${l});
# endfor
    var c_${s} = 0u;
    loop {
# for l in range(loads)
# if X_VEC
      let a_${l} = select(0.0, f32(x${s}[(x${s}_at_${l} + c_${s}) / 4u][c_${s} % 4u]), inside_${l});
# else
      let a_${l} = select(0.0, f32(x${s}[x${s}_at_${l} + c_${s}]), inside_${l});
# endif
# endfor
# for j in range(TN)
      let b_${j} = load_w(k_at + col_${j});
# endfor
# for i in range(TM)
      let shared_${i} = vec4<f32>(subgroupBroadcast(a_${i // WG}, ${i % WG}u));
# for j in range(TN)
      sum_${i}_${j} = fma(shared_${i}, b_${j}, sum_${i}_${j});
# endfor
# endfor
      continuing {
        k_at += p.gemm.n4;
        c_${s}++;
        break if c_${s} >= p.gemm.c${s};
      }
    }
    // w is padded to whole vec4 of inner indices.
    k_at += (0u - p.gemm.c${s}) % 4u * p.gemm.n4;
# endfor
# if not ONE_TAP
    continuing {
      tap++;
      break if tap >= p.gemm.taps;
    }
  }
# endif
# include "shared/gemm_finish.wgsl"
}
