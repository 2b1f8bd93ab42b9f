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
# endfor
# for i in range(TM)
# for j in [0, 1]
# for c in ["x", "y", "z", "w"]
  var sum_${i}_${j}_${c} = 0.0;
# endfor
# endfor
# endfor
  var w_at = col;
# set OWN = loads
# set STEP = "shared/gemm_wide_step.wgsl"
# include "shared/gemm_eight.wgsl"
  if col0 < p.gemm.n4 {
    let biases = eight_f32(bias[bias_at(col)]);
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
