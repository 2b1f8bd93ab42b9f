// Patch tile, for convolutions that keep the size of their map: the rows of a workgroup are a patch of it, PATCH_WIDTH places wide. What the window
// reaches from there lies in workgroup memory, KT channels at a time, and all taps read it there: a place is loaded once, not once for each tap.
// Subgroups hold matrices as in the matrix tile (gemm_staged.wgsl).
//
// Steps go through the channels, and through all taps for each KT of them. Rows of w pass as in the staged tile: two steps have room, and loads have the
// time of a whole one. The patch has room once: its next channels are loaded under the first tap, and stored behind the last. All inputs have whole
// steps, and the number of taps is odd, so that halves alternate. UNROLLED: no branch then stands between the loads of the patch and their use.
//
// The kernel has `map() -> vec2<u32>`, the lines of the map and their length, and `spot(image, line, column) -> i32`, the input pixel at a place of it, -1
// outside, which may be before the first line or column.
# set threads = LANES * WM * WN
# set taps = WINDOW_LINES * WINDOW_WIDTH
# set lines = ROWS // PATCH_WIDTH
# set reach_width = PATCH_WIDTH + WINDOW_WIDTH - 1
# set reach = (lines + WINDOW_LINES - 1) * reach_width
# set a_width = KT // 4
# set a_apart = threads // a_width
# set a_loads = (reach + a_apart - 1) // a_apart
# set b_width = COLS
# set b_loads = KT * b_width // threads
# set place_values = KT + PAD

const A_STRIDE = ${place_values // UNIT}u;   // elements of a place of the patch
const B_STRIDE = ${(COLS * 4 + PAD) // UNIT}u;
const B_HALF = ${KT}u * B_STRIDE;
const B_BEGIN = ${a_loads * a_apart}u * A_STRIDE;
// tile: the patch [places][KT], as many as all threads load, then b [2][KT][columns]
# set ARRAYS = [["tile", "f16", a_loads * a_apart * place_values + 2 * KT * (COLS * 4 + PAD)]]
// Sums leave EPI matrices of a subgroup at a time, since a matrix has no elements to name: sums [subgroups][MM][EPI * MM].
const SUM_STRIDE = ${(EPI * MM + 4) // UNIT}u;
# set ARRAYS = ARRAYS + [["sums", "f32", WM * WN * MM * (EPI * MM + 4)]]
# include "shared/elements.wgsl"

# macro last_row()
row0 + ${lines - 1}u * size.y + ${PATCH_WIDTH - 1}u
# endmacro
# macro fetch_patch(chunk)
      {
        // Behind the last channels anything will do.
        let channel = ${chunk} * ${KT}u;
# if TWO
        from_other = channel >= p.gemm.c0;
        let in_other = select(0u, (channel - p.gemm.c0) / 4u, channel < p.gemm.c0 + p.gemm.c1);
# endif
        let in_first = select(0u, channel / 4u, channel < p.gemm.c0);
# for n in range(a_loads)
# if TWO
        a_${n} = x0[select(0u, a_at_${n} + in_first, found_${n} & !from_other)];
        other_${n} = x1[select(0u, other_at_${n} + in_other, found_${n} & from_other)];
# else
        a_${n} = x0[select(0u, a_at_${n} + in_first, found_${n})];
# endif
# endfor
      }
# endmacro
# macro store_patch()
# for n in range(a_loads)
    store_tile(a_to + ${n * a_apart}u * A_STRIDE, select(vec4<f16>(), ${"select(a_" ~ n ~ ", other_" ~ n ~ ", from_other)" if TWO else "a_" ~ n}, found_${n}));
# endfor
# endmacro
# macro fetch_weights(tap, chunk)
      {
        // Behind the last rows of w the first ones are loaded once more.
        let wraps = ${tap} >= ${taps}u;
        let at_tap = select(${tap}, ${tap} - ${taps}u, wraps);
        let at_chunk = ${chunk} + select(0u, 1u, wraps);
        let w_at = select(0u, (at_tap * inner + at_chunk * ${KT}u) * p.gemm.n4, at_chunk < chunks) + b_at;
# for n in range(b_loads)
        b_${n} = w[w_at + ${n * (threads // b_width)}u * p.gemm.n4];
# endfor
      }
# endmacro
# macro store_weights(half)
# for n in range(b_loads)
      store_tile(${half} * B_HALF + b_to + ${n * (threads // b_width)}u * B_STRIDE, b_${n});
# endfor
# endmacro
# macro left_from(i, window)
(${window} + ${i * MM // PATCH_WIDTH * reach_width + i * MM % PATCH_WIDTH}u) * A_STRIDE
# endmacro

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32,
        @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32) {
  let index = workgroup_index(wg, groups);
  let tile_col = index % p.gemm.tiles_n * COLS;
  let size = map();
  let across = (size.y + ${PATCH_WIDTH - 1}u) / ${PATCH_WIDTH}u;
  let down = (size.x + ${lines - 1}u) / ${lines}u;
  let number = index / p.gemm.tiles_n;
  // Patches are counted from the one with the first row of this dispatch.
  let first_line = p.gemm.row_begin / size.y;
  let down_at = first_line / size.x * down + first_line % size.x / ${lines}u + number / across;
  let image = down_at / down;
  let line0 = down_at % down * ${lines}u;
  let column0 = number % across * ${PATCH_WIDTH}u;
  let row0 = (image * size.x + line0) * size.y + column0;
# include "shared/gemm_matrix_begin.wgsl"
  let a_from = sub_row / ${PATCH_WIDTH}u * ${reach_width}u * A_STRIDE;
# include "shared/gemm_deal.wgsl"
  // The places that a thread loads, as far as the rows of this dispatch reach: other pixels may not be bound. Surplus workgroups of a folded grid
  // begin in an image behind them.
  let beyond = ${WINDOW_LINES // 2}u * size.y;
  let regular = image * size.x * size.y < p.gemm.row_end;
# for n in range(a_loads)
  let place_${n} = a_row + ${n * a_apart}u;
  let line_${n} = line0 + place_${n} / ${reach_width}u - ${WINDOW_LINES // 2}u;
  let column_${n} = column0 + place_${n} % ${reach_width}u - ${WINDOW_WIDTH // 2}u;
  let row_${n} = (image * size.x + line_${n}) * size.y + column_${n};
  let spot_${n} = spot(image, line_${n}, column_${n});
  let found_${n} = regular & (spot_${n} >= 0) & (row_${n} + beyond >= p.gemm.row_begin) & (row_${n} < p.gemm.row_end + beyond);
  let a_at_${n} = (u32(max(spot_${n}, 0)) * p.gemm.c0 - p.gemm.x0_base) / 4u + a_col;
  var a_${n} = vec4<f16>();
# if TWO
  let other_at_${n} = (u32(max(spot_${n}, 0)) * p.gemm.c1 - p.gemm.x1_base) / 4u + a_col;
  var other_${n} = vec4<f16>();
# endif
# endfor
# if TWO
  var from_other = false;
# endif
# for n in range(b_loads)
  var b_${n} = vec4<f16>();
# endfor
  let inner = p.gemm.c0 + p.gemm.c1;
  let chunks = inner / ${KT}u;
${fetch_patch("0u")}
${store_patch()}
${fetch_weights("0u", "0u")}
${store_weights("0u")}
${fetch_weights("1u", "0u")}
# set window = "window"
# macro step(first=false)
    let half = (chunk + tap) & 1u;
    // Where in the reach the place under this tap lies.
    let window = tap / ${WINDOW_WIDTH}u * ${reach_width}u + tap % ${WINDOW_WIDTH}u;
    workgroupBarrier();
# set middle = KT // MM // 2
# for k in range(KT // MM)
# if k == middle
    // In the middle of the products, which are under way meanwhile.
${store_weights("(1u - half)")}
${fetch_weights("(tap + 2u)", "chunk")}
# if not UNROLLED
    if tap == 0u {
# endif
# if first or not UNROLLED
${fetch_patch("(chunk + 1u)")}
# endif
# if not UNROLLED
    }
# endif
# endif
# include "shared/gemm_matrix_multiply.wgsl"
# endfor
# endmacro
  for (var chunk = 0u; chunk < chunks; chunk++) {
# if UNROLLED
# for tap in range(taps)
    {
    let tap = ${tap}u;
${step(tap == 0)}
    }
# endfor
# else
    for (var tap = 0u; tap < ${taps}u; tap++) {
${step()}
    }
# endif
    workgroupBarrier();
${store_patch()}
  }
# macro all_stored()
(line0 + ${lines}u <= size.x) & (column0 + ${PATCH_WIDTH}u <= size.y) & (row0 >= p.gemm.row_begin) & (${last_row() | trim} < p.gemm.row_end)
# endmacro
# macro first_row(i)
row0 + (sub_row / ${PATCH_WIDTH}u + ${i * MM // PATCH_WIDTH}u) * size.y + ${i * MM % PATCH_WIDTH}u
# endmacro
# macro stored(i)
(line0 + sub_row / ${PATCH_WIDTH}u + ${i * MM // PATCH_WIDTH}u < size.x) & (row - first + column0 + ${i * MM % PATCH_WIDTH}u < size.y) & (row >= p.gemm.row_begin) & (row < p.gemm.row_end)
# endmacro
# include "shared/gemm_matrix_finish.wgsl"
}
