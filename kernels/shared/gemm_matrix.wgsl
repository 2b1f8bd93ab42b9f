// Matrix tile: WM x WN subgroups, each with SM x SN cooperative matrices of MM x MM in f32. KT inner indices of the tile's rows and columns lie in
// workgroup memory as f16, twice: while one half is multiplied, the loads of the next step are under way into registers, 8 values each; they are
// stored into the other half behind the products, so that nobody waits for memory. Sums leave through workgroup memory, EPI matrices of a subgroup
// at a time, since a matrix has no elements to name. What GPUs with tensor cores like; operands must be f16, so that nothing is rounded twice.
# set subgroups = WM * WN
# set threads = LANES * subgroups
# set a_octs = ROWS * KT // 8
# set b_octs = KT * COLS // 2
# set a_loads = (a_octs + threads - 1) // threads
# set b_loads = (b_octs + threads - 1) // threads
# set a_stride = KT // 4 + 2
# set b_stride = COLS + 2
# set quads = EPI * MM // 4
# set step = 2 if GEGLU else 1

const A_STRIDE = ${a_stride}u;   // vec4 of a row of a; 2 more than needed, so that rows begin in different banks
const B_STRIDE = ${b_stride}u;
const A_HALF = ${ROWS * a_stride}u;
const B_HALF = ${KT * b_stride}u;
const SUM_STRIDE = ${quads + 1}u;
var<workgroup> a_tile: array<vec4<f16>, ${2 * ROWS * a_stride}>;              // [2][rows][KT]
var<workgroup> b_tile: array<vec4<f16>, ${2 * KT * b_stride}>;                // [2][KT][columns]
var<workgroup> sums: array<vec4<f32>, ${subgroups * MM * (quads + 1)}>;       // [subgroups][MM][EPI * MM]

# macro fetch()
      {
        // This thread's part of the step at (tap, second, c8), which then moves on.
        let inner8 = ${"select(p.gemm.c0, p.gemm.c1, second)" if TWO else "p.gemm.c0"} / 8u;
        if c8 == 0u {
# for n in range(a_loads)
          let pixel_${n} = select(-1, under(place_${n}, tap), inside_${n});
          a_found_${n} = pixel_${n} >= 0;
# if TWO
          let first_${n} = u32(max(pixel_${n}, 0)) * inner8 + a_oct_${n};
          a_at_${n} = first_${n} - select(p.gemm.x0_base, p.gemm.x1_base, second) / 8u;
# else
          a_at_${n} = u32(max(pixel_${n}, 0)) * inner8 + a_oct_${n} - p.gemm.x0_base / 8u;
# endif
# endfor
        }
# for n in range(a_loads)
        a_${n} = mat2x4<f16>();
        if a_found_${n} && c8 + a_oct_${n} < inner8 {
# if TWO
          if second { a_${n} = x1[a_at_${n} + c8]; } else { a_${n} = x0[a_at_${n} + c8]; }
# else
          a_${n} = x0[a_at_${n} + c8];
# endif
        }
# endfor
# for n in range(b_loads)
        b_${n} = mat2x4<f16>();
        if c8 * 8u + b_row_${n} < inner8 * 8u && b_col_${n} < n8 { b_${n} = w[(k_at + b_row_${n}) * n8 + b_col_${n}]; }
# endfor
        k_at += min(${KT}u, (inner8 - c8) * 8u);
        c8 += ${KT // 8}u;
        if c8 >= inner8 {
          c8 = 0u;
# if TWO
          if second { tap += 1u; }
          second = !second;
# else
          tap += 1u;
# endif
        }
      }
# endmacro
# macro stage(half)
      {
# for n in range(a_loads)
# if (n + 1) * threads > a_octs
        if thread < ${a_octs - n * threads}u
# endif
        {
          let at = (${half}) * A_HALF + a_row_${n} * A_STRIDE + a_oct_${n} * 2u;
          a_tile[at] = a_${n}[0];
          a_tile[at + 1u] = a_${n}[1];
        }
# endfor
# for n in range(b_loads)
# if (n + 1) * threads > b_octs
        if thread < ${b_octs - n * threads}u
# endif
        {
          let at = (${half}) * B_HALF + b_row_${n} * B_STRIDE + (b_col_${n} - tile_col / 2u) * 2u;
          b_tile[at] = b_${n}[0];
          b_tile[at + 1u] = b_${n}[1];
        }
# endfor
      }
# endmacro

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32,
        @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32) {
  let tile = workgroup_index(wg, groups);
  let row0 = p.gemm.row_begin + tile / p.gemm.tiles_n * ROWS;
  let tile_col = tile % p.gemm.tiles_n * COLS;
  let n8 = p.gemm.n4 / 2u;
  // Where subgroups are smaller than expected there are more of them: the others do what the last one does, and store the same.
  let part = min(subgroup, ${subgroups - 1}u);
  let sub_row = part / ${WN}u * ${SM * MM}u;
  let sub_col = part % ${WN}u * ${SN * MM // 4}u;
# for i in range(SM)
# for j in range(SN)
  var sum_${i}_${j}: coop_mat${MM}x${MM}<f32, C>;
# endfor
# endfor
# for n in range(a_loads)
  let a_row_${n} = (thread + ${n * threads}u) / ${KT // 8}u;
  let a_oct_${n} = (thread + ${n * threads}u) % ${KT // 8}u;
  let inside_${n} = ${"a_row_" ~ n ~ " < ROWS && " if (n + 1) * threads > a_octs else ""}row0 + a_row_${n} < p.gemm.row_end;
  let place_${n} = place(min(row0 + a_row_${n}, p.gemm.row_end - 1u));
  var a_found_${n} = false;
  var a_at_${n} = 0u;
  var a_${n} = mat2x4<f16>();
# endfor
# for n in range(b_loads)
  let b_row_${n} = (thread + ${n * threads}u) / ${COLS // 2}u;
  let b_col_${n} = tile_col / 2u + (thread + ${n * threads}u) % ${COLS // 2}u;
  var b_${n} = mat2x4<f16>();
# endfor
  var tap = 0u;
# if TWO
  var second = false;   // which of the two inputs
# endif
  var c8 = 0u;          // first 8 channels of the step
  var k_at = 0u;        // first row of w of the step
${fetch()}
${stage("0u")}
  var half = 0u;
  loop {
    workgroupBarrier();
    let more = tap < p.gemm.taps;
    if more {
${fetch()}
    }
    let a_from = half * A_HALF + sub_row * A_STRIDE;
    let b_from = half * B_HALF + sub_col;
# for k in range(KT // MM)
    {
# for i in range(SM)
      let left_${i} = coopLoadT<coop_mat${MM}x${MM}<f16, A>>(&a_tile[a_from + ${i * MM}u * A_STRIDE + ${k * MM // 4}u], A_STRIDE);
# endfor
# for j in range(SN)
      let right_${j} = coopLoadT<coop_mat${MM}x${MM}<f16, B>>(&b_tile[b_from + ${k * MM}u * B_STRIDE + ${j * MM // 4}u], B_STRIDE);
# endfor
# for i in range(SM)
# for j in range(SN)
      sum_${i}_${j} = coopMultiplyAdd(left_${i}, right_${j}, sum_${i}_${j});
# endfor
# endfor
    }
# endfor
    if !more { break; }
    half = 1u - half;
${stage("half")}
  }
# for i in range(SM)
# for e in range(0, SN, EPI)
# set count = [EPI, SN - e] | min
  workgroupBarrier();
# for j in range(count)
  coopStoreT(sum_${i}_${e + j}, &sums[part * ${MM}u * SUM_STRIDE + ${j * MM // 4}u], SUM_STRIDE);
# endfor
  workgroupBarrier();
  for (var slot = lane; slot < ${MM * count * MM // 4 // step}u; slot += lanes) {
    let line = slot / ${count * MM // 4 // step}u;
    let quad = slot % ${count * MM // 4 // step}u * ${step}u;
    let row = row0 + sub_row + ${i * MM}u + line;
    let col = tile_col + sub_col + ${e * MM // 4}u + quad;
    if row < p.gemm.row_end && col < p.gemm.n4 {
      let at = (part * ${MM}u + line) * SUM_STRIDE + quad;
# if GEGLU
      finish_geglu(row, col, sums[at], sums[at + 1u]);
# else
      finish(row, col, sums[at]);
# endif
    }
  }
# endfor
# endfor
}
