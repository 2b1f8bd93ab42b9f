// Staged tile: KT inner indices of the tile's rows and columns lie in workgroup memory, twice. While one half is multiplied the next step is stored into
// the other; what is behind that is on its way into registers, so that loads have the time of two steps. Two rungs multiply and finish in their own way:
//
// workgroup  shared/gemm_workgroup_*.wgsl   16 x 16 threads hold TM rows x TN vec4 columns each
// matrix     shared/gemm_matrix_*.wgsl      WM x WN subgroups hold SM x SN cooperative matrices each
//
// Compilers move loads into the branch in which alone they are needed, where everything waits for them: no branch may stand between a load and its
// use. So steps are fetched even behind the last one.
//
// EVEN: all inputs have whole steps. PAD: values between rows in workgroup memory, so that rows begin in different banks.
# set threads = LANES * WM * WN if MATRIX else 256
# set T = "f16" if MATRIX else "f32"
# set WEIGHTS = "vec4<f16>" if MATRIX else ("vec2<u32>" if W == "f16" else "vec4<f32>")
# set a_width = KT // 4
# set b_width = COLS
# set a_loads = ROWS * a_width // threads
# set b_loads = KT * b_width // threads

const A_STRIDE = ${(KT + PAD) // UNIT}u;   // elements of a row of a
const B_STRIDE = ${(COLS * 4 + PAD) // UNIT}u;
const A_HALF = ROWS * A_STRIDE;
const B_HALF = ${KT}u * B_STRIDE;
const B_BEGIN = 2u * A_HALF;
// tile: a [2][rows][KT], then b [2][KT][columns]
# set ARRAYS = [["tile", T, 2 * (ROWS * (KT + PAD) + KT * (COLS * 4 + PAD))]]
# if MATRIX
// Sums leave EPI matrices of a subgroup at a time, since a matrix has no elements to name: sums [subgroups][MM][EPI * MM].
const SUM_STRIDE = ${(EPI * MM + 4) // UNIT}u;
# set ARRAYS = ARRAYS + [["sums", "f32", WM * WN * MM * (EPI * MM + 4)]]
# endif
# include "shared/elements.wgsl"

fn weights(v: ${WEIGHTS}) -> vec4<${T}> {
# if MATRIX or W == "f32"
  return v;
# else
  return vec4<f32>(unpack2x16float(v.x), unpack2x16float(v.y));
# endif
}

# macro fetch(r)
      {
        // This thread's part of the step at (tap, second, c), into registers r; then the step moves on.
        let inner = ${"select(p.gemm.c0, p.gemm.c1, second)" if TWO else "p.gemm.c0"} / 4u;
        if c == 0u {
# for n in range(a_loads)
          let pixel_${n} = select(-1, under(place_${n}, tap), inside_${n} & (tap < p.gemm.taps));
          a_found_${n} = pixel_${n} >= 0;
          a_at_${n} = u32(max(pixel_${n}, 0)) * inner + a_col - ${"select(p.gemm.x0_base, p.gemm.x1_base, second)" if TWO else "p.gemm.x0_base"} / 4u;
# endfor
        }
# for n in range(a_loads)
        a_ok_${r}_${n} = a_found_${n}${"" if EVEN else " & (c + a_col < inner)"};
# if TWO
        a_${r}_${n} = x0[select(0u, a_at_${n} + c, a_ok_${r}_${n} & !second)];
        other_${r}_${n} = x1[select(0u, a_at_${n} + c, a_ok_${r}_${n} & second)];
# else
        a_${r}_${n} = x0[select(0u, a_at_${n} + c, a_ok_${r}_${n})];
# endif
# endfor
# if TWO
        from_other_${r} = second;
# endif
        // Behind the last step the first rows of w are loaded once more.
        let w_at = select(0u, k_at * p.gemm.n4, tap < p.gemm.taps) + b_row * p.gemm.n4 + b_col;
# for n in range(b_loads)
        b_ok_${r}_${n} = b_inside${"" if EVEN else " & (c * 4u + b_row + " ~ n * (threads // b_width) ~ "u < inner * 4u)"};
        b_${r}_${n} = w[select(0u, w_at + ${n * (threads // b_width)}u * p.gemm.n4, b_ok_${r}_${n})];
# endfor
        k_at += min(${KT}u, (inner - c) * 4u);
        c += ${a_width}u;
        if c >= inner {
          c = 0u;
# if TWO
          tap += select(0u, 1u, second);
          second = !second;
# else
          tap += 1u;
# endif
        }
      }
# endmacro
# macro stage(r, half)
# for n in range(a_loads)
      {
        let v = ${"select(a_" ~ r ~ "_" ~ n ~ ", other_" ~ r ~ "_" ~ n ~ ", from_other_" ~ r ~ ")" if TWO else "a_" ~ r ~ "_" ~ n};
        store_tile(${half}u * A_HALF + a_to + ${n * (threads // a_width)}u * A_STRIDE, select(vec4<${T}>(), vec4<${T}>(v), a_ok_${r}_${n}));
      }
# endfor
# for n in range(b_loads)
      store_tile(${half}u * B_HALF + b_to + ${n * (threads // b_width)}u * B_STRIDE,
        ${"weights(b_" ~ r ~ "_" ~ n ~ ")" if EVEN else "select(vec4<" ~ T ~ ">(), weights(b_" ~ r ~ "_" ~ n ~ "), b_ok_" ~ r ~ "_" ~ n ~ ")"});
# endfor
# endmacro

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32
# if MATRIX
        , @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32
# endif
) {
  let index = workgroup_index(wg, groups);
  let row0 = p.gemm.row_begin + index / p.gemm.tiles_n * ROWS;
  let tile_col = index % p.gemm.tiles_n * COLS;
# if MATRIX
# include "shared/gemm_matrix_begin.wgsl"
# else
# include "shared/gemm_workgroup_begin.wgsl"
# endif
  // The rows of a thread lie evenly apart: one address serves them all.
  let a_row = thread / ${a_width}u;
  let a_col = thread % ${a_width}u;
  let a_to = a_row * A_STRIDE + a_col * ${4 // UNIT}u;
# for n in range(a_loads)
  let row_${n} = row0 + a_row + ${n * (threads // a_width)}u;
  let inside_${n} = row_${n} < p.gemm.row_end;
  let place_${n} = place(min(row_${n}, p.gemm.row_end - 1u));
  var a_found_${n} = false;
  var a_at_${n} = 0u;
# endfor
  let b_row = thread / ${b_width}u;
  let b_col = tile_col + thread % ${b_width}u;
  let b_to = B_BEGIN + b_row * B_STRIDE + thread % ${b_width}u * ${4 // UNIT}u;
  let b_inside = b_col < p.gemm.n4;
# for r in ["even", "odd"]
# for n in range(a_loads)
  var a_ok_${r}_${n} = false;
  var a_${r}_${n} = vec4<${X}>();
# if TWO
  var other_${r}_${n} = vec4<${X}>();
# endif
# endfor
# if TWO
  var from_other_${r} = false;
# endif
# for n in range(b_loads)
  var b_ok_${r}_${n} = false;
  var b_${r}_${n} = ${WEIGHTS}();
# endfor
# endfor
  var tap = 0u;
# if TWO
  var second = false;   // which of the two inputs
# endif
  var c = 0u;           // first vec4 of channels of the step
  var k_at = 0u;        // first row of w of the step
  let steps = p.gemm.taps * ((p.gemm.c0 + ${KT - 1}u) / ${KT}u${" + (p.gemm.c1 + " ~ (KT - 1) ~ "u) / " ~ KT ~ "u" if TWO else ""});
${fetch("even")}
${stage("even", 0)}
${fetch("odd")}
  // Two steps at a time, so that halves and registers have names.
  for (var step = 0u; step < steps; step += 2u) {
    workgroupBarrier();
${fetch("even")}
# set half = 0
# if MATRIX
# include "shared/gemm_matrix_multiply.wgsl"
# else
# include "shared/gemm_workgroup_multiply.wgsl"
# endif
${stage("odd", 1)}
    workgroupBarrier();
${fetch("odd")}
    // Behind an odd number of steps zeros are multiplied.
# set half = 1
# if MATRIX
# include "shared/gemm_matrix_multiply.wgsl"
# else
# include "shared/gemm_workgroup_multiply.wgsl"
# endif
${stage("even", 0)}
  }
# if MATRIX
# include "shared/gemm_matrix_finish.wgsl"
# else
# include "shared/gemm_workgroup_finish.wgsl"
# endif
}
