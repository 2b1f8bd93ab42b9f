// Matrix tile: WM x WN subgroups, each with SM x SN cooperative matrices of MM x MM in f32. KT inner indices of the tile's rows and columns lie in
// workgroup memory as f16, twice: while one half is multiplied, every thread fetches its part of the next. Sums leave through workgroup memory
// as well, since a matrix has no elements to name. What GPUs with tensor cores like; operands must be f16, so that nothing is rounded twice.
# set subgroups = WM * WN
# set threads = LANES * subgroups
# set a_loads = ROWS * KT // 4 // threads
# set b_loads = KT * COLS // threads
# set a_stride = KT // 4 + 2
# set b_stride = COLS + 2

const A_STRIDE = ${a_stride}u;   // vec4 of a row of a; 2 more than needed, so that rows begin in different banks
const B_STRIDE = ${b_stride}u;
const A_HALF = ${ROWS * a_stride}u;
const B_HALF = ${KT * b_stride}u;
var<workgroup> a_tile: array<vec4<f16>, ${2 * ROWS * a_stride}>;   // [2][rows][KT]
var<workgroup> b_tile: array<vec4<f16>, ${2 * KT * b_stride}>;     // [2][KT][columns]
var<workgroup> sums: array<f32, ${subgroups * MM * MM}>;           // a matrix of every subgroup

# macro fetch(into)
      {
        // This thread's part of the step at (tap, second, c4), which then moves on.
        let inner4 = (select(p.gemm.c0, p.gemm.c1, second) + 3u) / 4u;
        if c4 == 0u {
# for n in range(a_loads)
          pixel_${n} = select(-1, tap_pixel(min(row0 + a_row_${n}, p.gemm.row_end - 1u), tap), row0 + a_row_${n} < p.gemm.row_end);
# endfor
        }
# for n in range(a_loads)
        {
          let quad = c4 + a_quad_${n};
          let pixel = select(-1, pixel_${n}, quad < inner4);
          var v = vec4<f32>();
          if second { v = load_x1(pixel, quad); } else { v = load_x0(pixel, quad); }
          a_tile[(${into}) * A_HALF + a_row_${n} * A_STRIDE + a_quad_${n}] = vec4<f16>(v);
        }
# endfor
# for n in range(b_loads)
        {
          let inside = c4 * 4u + b_row_${n} < inner4 * 4u && b_col_${n} < p.gemm.n4;
          let v = select(vec4<f32>(), load_w(select(0u, (k_at + b_row_${n}) * p.gemm.n4 + b_col_${n}, inside)), inside);
          b_tile[(${into}) * B_HALF + b_row_${n} * B_STRIDE + b_col_${n} - tile_col] = vec4<f16>(v);
        }
# endfor
        k_at += min(${KT}u, (inner4 - c4) * 4u);
        c4 += ${KT // 4}u;
        if c4 >= inner4 {
          c4 = 0u;
          if !second && p.gemm.c1 > 0u {
            second = true;
          } else {
            second = false;
            tap += 1u;
          }
        }
      }
# endmacro

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32,
        @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32) {
  let tile = workgroup_index(wg, groups);
  let row0 = p.gemm.row_begin + tile / p.gemm.tiles_n * ROWS;
  let tile_col = tile % p.gemm.tiles_n * COLS;
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
  let a_row_${n} = (thread + ${n * threads}u) / ${KT // 4}u;
  let a_quad_${n} = (thread + ${n * threads}u) % ${KT // 4}u;
  var pixel_${n} = -1;
# endfor
# for n in range(b_loads)
  let b_row_${n} = (thread + ${n * threads}u) / COLS;
  let b_col_${n} = tile_col + (thread + ${n * threads}u) % COLS;
# endfor
  var tap = 0u;
  var second = false;   // which of the two inputs
  var c4 = 0u;          // first vec4 of channels of the step
  var k_at = 0u;        // first row of w of the step
  // The first step; then, while one half is multiplied, the next step is fetched into the other, which nobody reads.
${fetch("0u")}
  var half = 0u;
  loop {
    workgroupBarrier();
    let more = tap < p.gemm.taps;
    if more {
${fetch("1u - half")}
    }
    let a_at = half * A_HALF + sub_row * A_STRIDE;
    let b_at = half * B_HALF + sub_col;
# for k in range(KT // MM)
    {
# for i in range(SM)
      let a_${i} = coopLoadT<coop_mat${MM}x${MM}<f16, A>>(&a_tile[a_at + ${i * MM}u * A_STRIDE + ${k * MM // 4}u], A_STRIDE);
# endfor
# for j in range(SN)
      let b_${j} = coopLoadT<coop_mat${MM}x${MM}<f16, B>>(&b_tile[b_at + ${k * MM}u * B_STRIDE + ${j * MM // 4}u], B_STRIDE);
# endfor
# for i in range(SM)
# for j in range(SN)
      sum_${i}_${j} = coopMultiplyAdd(a_${i}, b_${j}, sum_${i}_${j});
# endfor
# endfor
    }
# endfor
    if !more { break; }
    half = 1u - half;
  }
# for i in range(SM)
# for j in range(SN)
  workgroupBarrier();
  coopStoreT(sum_${i}_${j}, &sums[part * ${MM * MM}u], ${MM}u);
  workgroupBarrier();
  {
    for (var slot = lane; slot < ${MM * MM // 4 // (2 if GEGLU else 1)}u; slot += lanes) {
# set quads = MM // 4 // (2 if GEGLU else 1)
      let row = row0 + sub_row + ${i * MM}u + slot / ${quads}u;
# set step = 2 if GEGLU else 1
      let quad = slot % ${quads}u * ${step}u;
      let col = tile_col + sub_col + ${j * MM // 4}u + quad;
      if row < p.gemm.row_end && col < p.gemm.n4 {
        let at = part * ${MM * MM}u + slot / ${quads}u * ${MM}u + quad * 4u;
        let sum = vec4<f32>(sums[at], sums[at + 1u], sums[at + 2u], sums[at + 3u]);
# if GEGLU
        finish_geglu(row, col, sum, vec4<f32>(sums[at + 4u], sums[at + 5u], sums[at + 6u], sums[at + 7u]));
# else
        finish(row, col, sum);
# endif
      }
    }
  }
# endfor
# endfor
}
