// Staged tile: KT inner indices of the tile's rows and columns lie in workgroup memory. BUFFERS = 2: twice. While one half is multiplied the next step is
// stored into the other, and the loads of the step behind that begin, so that they have the time of a whole step. Two rungs multiply and finish in
// their own way:
//
// workgroup  shared/gemm_workgroup_*.wgsl   16 x 16 threads hold TM rows x TN vec4 columns each
// matrix     shared/gemm_matrix_*.wgsl      WM x WN subgroups hold SM x SN cooperative matrices each
//
// A step is stored before the next loads begin: a thread that waits for one load waits for all that are under way. And compilers move loads into the
// branch in which alone they are needed: no branch may stand between a load and its use. So steps are fetched even behind the last one.
//
// BUFFERS = 1, matrix only: a step has room once, and may be longer: with KT = 64 a row of x is whole cache lines. See shared/gemm_matrix_single.wgsl.
//
// EVEN: all inputs have whole steps. PAD: values between rows in workgroup memory, so that rows begin in different banks. STRAIGHT: a row of x is a
// row of `a`, and nothing that is loaded needs a condition.
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
const B_BEGIN = ${BUFFERS}u * A_HALF;
# if BUFFERS == 1
const ZERO = B_BEGIN + B_HALF;
# endif
// tile: a [BUFFERS][rows][KT], then b [BUFFERS][KT][columns]
# set ARRAYS = [["tile", T, BUFFERS * (ROWS * (KT + PAD) + KT * (COLS * 4 + PAD)) + (4 if BUFFERS == 1 else 0)]]
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

# set window = 0
# macro left_from(i, window)
half * A_HALF + ${i * MM}u * A_STRIDE
# endmacro
# set STRAIGHT = ONE_TAP and EVEN and not TWO
# macro fetch(held=false)
# set more = " + zero" if held else ""
      {
# if held
        // No load begins before this zero is read, which is behind a barrier and so behind what was stored in front of it.
        let zero = u32(load_tile(ZERO).x);
# endif
# if STRAIGHT
        // Behind the last step the first one is loaded once more.
        let at = select(0u, c, c < inner)${more};
# for n in range(a_loads)
        a_${n} = x0[a_at_${n} + at];
# endfor
        let w_at = b_at + at * 4u * p.gemm.n4;
        c += ${a_width}u;
# else
        // This thread's part of the step at (tap, second, c); then the step moves on.
        let channels = ${"select(p.gemm.c0, p.gemm.c1, second)" if TWO else "p.gemm.c0"};
        let inner = channels / 4u;
        if c == 0u {
# for n in range(a_loads)
          let pixel_${n} = select(-1, under(place_${n}, tap), inside_${n} & (tap < p.gemm.taps));
          a_found_${n} = pixel_${n} >= 0;
          a_at_${n} = (u32(max(pixel_${n}, 0)) * channels - ${"select(p.gemm.x0_base, p.gemm.x1_base, second)" if TWO else "p.gemm.x0_base"}) / 4u + a_col;
# endfor
        }
# for n in range(a_loads)
        a_ok_${n} = a_found_${n}${"" if EVEN else " & (c + a_col < inner)"};
# if TWO
        a_${n} = x0[select(0u, a_at_${n} + c, a_ok_${n} & !second)${more}];
        other_${n} = x1[select(0u, a_at_${n} + c, a_ok_${n} & second)${more}];
# else
        a_${n} = x0[select(0u, a_at_${n} + c, a_ok_${n})${more}];
# endif
# endfor
# if TWO
        from_other = second;
# endif
        // Behind the last step the first rows of w are loaded once more.
        let w_at = select(0u, k_at * p.gemm.n4, tap < p.gemm.taps) + b_at${more};
# if not EVEN
# for n in range(b_loads)
        b_ok_${n} = c * 4u + b_row + ${n * (threads // b_width)}u < inner * 4u;
# endfor
# endif
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
# endif
# for n in range(b_loads)
# set index = "w_at + " ~ n * (threads // b_width) ~ "u * p.gemm.n4"
        b_${n} = w[${index if EVEN else "select(0u, " ~ index ~ ", b_ok_" ~ n ~ ")"}];
# endfor
      }
# endmacro
# macro stage(half, now="")
# for n in range(a_loads)
      {
        let v = vec4<${T}>(${"select(a_" ~ n ~ ", other_" ~ n ~ ", from_other)" if TWO else "a_" ~ n});
        store_tile(${half} * A_HALF + a_to + ${n * (threads // a_width)}u * A_STRIDE, ${"v" if STRAIGHT else "select(vec4<" ~ T ~ ">(), v, a_ok_" ~ n ~ now ~ ")"});
      }
# endfor
# for n in range(b_loads)
      store_tile(${half} * B_HALF + b_to + ${n * (threads // b_width)}u * B_STRIDE,
        ${"weights(b_" ~ n ~ ")" if EVEN else "select(vec4<" ~ T ~ ">(), weights(b_" ~ n ~ "), b_ok_" ~ n ~ now ~ ")"});
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
  let a_from = sub_row * A_STRIDE;
# else
# include "shared/gemm_workgroup_begin.wgsl"
# endif
# include "shared/gemm_deal.wgsl"
# for n in range(a_loads)
  let row_${n} = row0 + a_row + ${n * (threads // a_width)}u;
  let place_${n} = place(min(row_${n}, p.gemm.row_end - 1u));
# if STRAIGHT
  let a_at_${n} = (u32(under(place_${n}, 0u)) * p.gemm.c0 - p.gemm.x0_base) / 4u + a_col;
# else
  let inside_${n} = row_${n} < p.gemm.row_end;
  var a_found_${n} = false;
  var a_ok_${n} = false;
  var a_at_${n} = 0u;
# endif
  var a_${n} = vec4<${X}>();
# if TWO
  var other_${n} = vec4<${X}>();
# endif
# endfor
# for n in range(b_loads)
# if not EVEN
  var b_ok_${n} = false;
# endif
  var b_${n} = ${WEIGHTS}();
# endfor
# if STRAIGHT
  let inner = p.gemm.c0 / 4u;
# else
  var tap = 0u;
  var k_at = 0u;        // first row of w of the step
# if TWO
  var second = false;   // which of the two inputs
  var from_other = false;
# endif
# endif
  var c = 0u;           // first vec4 of channels of the step
  let steps = p.gemm.taps * ((p.gemm.c0 + ${KT - 1}u) / ${KT}u${" + (p.gemm.c1 + " ~ (KT - 1) ~ "u) / " ~ KT ~ "u" if TWO else ""});
# if BUFFERS == 1
# include "shared/gemm_matrix_single.wgsl"
# else
${fetch()}
${stage("0u")}
${fetch()}
  for (var step = 0u; step < steps; step++) {
    let half = step & 1u;
    workgroupBarrier();
# if MATRIX
    // In the middle of the products, which are under way meanwhile.
# set middle = KT // MM // 2
# for k in range(KT // MM)
# if k == middle
${stage("(1u - half)")}
${fetch()}
# endif
# include "shared/gemm_matrix_multiply.wgsl"
# endfor
# else
${stage("(1u - half)")}
${fetch()}
# include "shared/gemm_workgroup_multiply.wgsl"
# endif
  }
# endif
# if MATRIX
# macro all_stored()
row0 + ROWS <= p.gemm.row_end
# endmacro
# macro last_row()
row0 + ROWS - 1u
# endmacro
# macro first_row(i)
row0 + sub_row + ${i * MM}u
# endmacro
# macro stored(i)
(row < p.gemm.row_end)
# endmacro
# include "shared/gemm_matrix_finish.wgsl"
# else
# include "shared/gemm_workgroup_finish.wgsl"
# endif
}
