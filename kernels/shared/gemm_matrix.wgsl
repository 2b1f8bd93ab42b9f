// Matrix tile: WM x WN subgroups, each with SM x SN cooperative matrices of MM x MM in f32. KT inner indices of the tile's rows and columns lie in
// workgroup memory as f16, twice. While one half is multiplied the next step is stored into the other; what is behind that is on its way into
// registers, so that loads have the time of two steps. What GPUs with tensor cores like; operands must be f16, so that nothing is rounded twice.
// Sums leave through workgroup memory, EPI matrices of a subgroup at a time, since a matrix has no elements to name.
//
// Compilers move loads into the branch in which alone they are needed, where everything waits for them: no branch may stand between a load and its
// use. So steps are fetched even behind the last one, and a tile that lies inside of y leaves without conditions.
//
// EVEN: all inputs have whole steps.
# set subgroups = WM * WN
# set threads = LANES * subgroups
# set a_width = KT // 4
# set b_width = COLS
# set a_loads = ROWS * a_width // threads
# set b_loads = KT * b_width // threads

const A_STRIDE = ${(KT + 8) // UNIT}u;   // elements of a row of a; 16 bytes more than needed, so that rows begin in different banks
const B_STRIDE = ${(COLS * 4 + 8) // UNIT}u;
const A_HALF = ROWS * A_STRIDE;
const B_HALF = ${KT}u * B_STRIDE;
const B_BEGIN = 2u * A_HALF;
const SUM_STRIDE = ${(EPI * MM + 4) // UNIT}u;
// tile: a [2][rows][KT], then b [2][KT][columns]; sums [subgroups][MM][EPI * MM]
# set ARRAYS = [["tile", "f16", 2 * (ROWS * (KT + 8) + KT * (COLS * 4 + 8))], ["sums", "f32", subgroups * MM * (EPI * MM + 4)]]
# include "shared/elements.wgsl"
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
        store_tile(${half}u * A_HALF + a_to + ${n * (threads // a_width)}u * A_STRIDE, select(vec4<f16>(), v, a_ok_${r}_${n}));
      }
# endfor
# for n in range(b_loads)
      store_tile(${half}u * B_HALF + b_to + ${n * (threads // b_width)}u * B_STRIDE,
        ${"b_" ~ r ~ "_" ~ n if EVEN else "select(vec4<f16>(), b_" ~ r ~ "_" ~ n ~ ", b_ok_" ~ r ~ "_" ~ n ~ ")"});
# endfor
# endmacro
# macro multiply(half)
# for k in range(KT // MM)
    {
# for i in range(SM)
      let left_${i} = coopLoadT<coop_mat${MM}x${MM}<f16, A>>(&tile[a_from + ${half}u * A_HALF + ${i * MM}u * A_STRIDE + ${k * MM // UNIT}u], A_STRIDE);
# endfor
# for j in range(SN)
      let right_${j} = coopLoadT<coop_mat${MM}x${MM}<f16, B>>(&tile[b_from + ${half}u * B_HALF + ${k * MM}u * B_STRIDE + ${j * MM // UNIT}u], B_STRIDE);
# endfor
# for i in range(SM)
# for j in range(SN)
      sum_${i}_${j} = coopMultiplyAdd(left_${i}, right_${j}, sum_${i}_${j});
# endfor
# endfor
    }
# endfor
# endmacro
# macro finished(e, at, added)
# if GEGLU
(load_sums(${at}) + bias_${e}) * gelu4(load_sums(${at} + ${4 // UNIT}u) + gate_bias_${e})
# else
# set v = "load_sums(" ~ at ~ ") + bias_" ~ e
# set v = v if ACTIVATION == "none" else ACTIVATION ~ "4(" ~ v ~ ")"
${v}${" + vec4<f32>(" ~ added ~ ")" if RESIDUAL else ""}
# endif
# endmacro

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32,
        @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32) {
  let index = workgroup_index(wg, groups);
  let row0 = p.gemm.row_begin + index / p.gemm.tiles_n * ROWS;
  let tile_col = index % p.gemm.tiles_n * COLS;
  // Where subgroups are smaller than expected there are more of them: the others do what the last one does, and store the same.
  let part = min(subgroup, ${subgroups - 1}u);
  let sub_row = part / ${WN}u * ${SM * MM}u;
  let sub_col = part % ${WN}u * ${SN * MM}u;
# for i in range(SM)
# for j in range(SN)
  var sum_${i}_${j}: coop_mat${MM}x${MM}<f32, C>;
# endfor
# endfor
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
  var a_${r}_${n} = vec4<f16>();
# if TWO
  var other_${r}_${n} = vec4<f16>();
# endif
# endfor
# if TWO
  var from_other_${r} = false;
# endif
# for n in range(b_loads)
  var b_ok_${r}_${n} = false;
  var b_${r}_${n} = vec4<f16>();
# endfor
# endfor
  let a_from = sub_row * A_STRIDE;
  let b_from = B_BEGIN + sub_col / ${UNIT}u;
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
${multiply(0)}
${stage("odd", 1)}
    workgroupBarrier();
${fetch("odd")}
    // Behind an odd number of steps zeros are multiplied.
${multiply(1)}
${stage("even", 0)}
  }
# set step = 2 if GEGLU else 1
  // The columns of a thread are the same in all matrices: its biases are loaded once.
# for e in range(0, SN, EPI)
# set width = ([EPI, SN - e] | min) * MM // 4 // step
  let col_${e} = tile_col + sub_col / 4u + ${e * MM // 4}u + lane % ${width}u * ${step}u;
  let col_inside_${e} = col_${e} < p.gemm.n4;
  var bias_${e} = bias[select(0u, col_${e}, col_inside_${e})];
# if GEGLU
  let gate_bias_${e} = bias[select(0u, col_${e} + 1u, col_inside_${e})];
# endif
# endfor
  let inside = (row0 + ROWS <= p.gemm.row_end) & (tile_col + COLS <= p.gemm.n4);
# if GROUPED
  // A group is longer than most tiles.
  let group = row0 / p.gemm.rows_per_group;
  let plain = inside & (group == (row0 + ROWS - 1u) / p.gemm.rows_per_group);
# for e in range(0, SN, EPI)
  let group_bias_${e} = vec4<f32>(row_bias[select(0u, (group * p.gemm.n - p.gemm.row_bias_base) / 4u + col_${e}, col_inside_${e})]);
  bias_${e} += select(vec4<f32>(), group_bias_${e}, plain);
# endfor
# else
  let plain = inside;
# endif
# for i in range(SM)
# for e in range(0, SN, EPI)
# set count = [EPI, SN - e] | min
# set width = count * MM // 4 // step
# set slots = MM * width
# set turns = (slots + LANES - 1) // LANES
  workgroupBarrier();
# for j in range(count)
  coopStoreT(sum_${i}_${e + j}, &sums[part * ${MM}u * SUM_STRIDE + ${j * MM // UNIT}u], SUM_STRIDE);
# endfor
  workgroupBarrier();
  {
    let at = part * ${MM}u * SUM_STRIDE + lane % ${width}u * ${4 * step // UNIT}u;
    let first = row0 + sub_row + ${i * MM}u;
    if plain & (lanes == ${LANES}u) {
# for u in range(turns)
      let line_${u} = lane / ${width}u + ${u * LANES // width}u;
      let to_${u} = (first + line_${u}) * p.gemm.n;
# if RESIDUAL
      let residual_${u} = residual[(to_${u} - p.gemm.residual_base) / 4u + col_${e}];
# endif
# endfor
# for u in range(turns)
# if slots < LANES
      if lane < ${slots}u
# endif
      {
        let v = ${finished(e, "at + line_" ~ u ~ " * SUM_STRIDE", "residual_" ~ u)};
        y[(to_${u} - p.gemm.y_base) / 4u + col_${e}${" / 2u" if GEGLU else ""}] = to_${Y}(v);
      }
# endfor
    } else {
      for (var slot = lane; slot < ${slots}u; slot += lanes) {
        let row = first + slot / ${width}u;
        if (row < p.gemm.row_end) & col_inside_${e} {
          let to = row * p.gemm.n;
# if GROUPED
          let more = row_bias[(row / p.gemm.rows_per_group * p.gemm.n - p.gemm.row_bias_base) / 4u + col_${e}];
          let bias_${e} = bias_${e} + select(vec4<f32>(more), vec4<f32>(), plain);
# endif
          let v = ${finished(e, "at + slot / " ~ width ~ "u * SUM_STRIDE", "residual[(to - p.gemm.residual_base) / 4u + col_" ~ e ~ "]")};
          y[(to - p.gemm.y_base) / 4u + col_${e}${" / 2u" if GEGLU else ""}] = to_${Y}(v);
        }
      }
    }
  }
# endfor
# endfor
}
