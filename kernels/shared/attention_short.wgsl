// Attention over sequences of MM tokens by cooperative matrices of MM x MM: each of SLOTS subgroups takes one item, whose q, k and v it loads as
// matrices from where they lie. Scores pass through workgroup memory, where one thread takes a row: a matrix has no elements to name. Sums leave the
// same way, OUT columns at a time.
# set OUT = 2 * MM if WIDTH % (2 * MM) == 0 else MM
const SCORE_STRIDE = ${(OUT + 4) // UNIT}u;     // elements of a row; more than needed, so that rows begin in different banks
const WEIGHT_STRIDE = ${(MM + 8) // UNIT}u;
# set ARRAYS = [["scores", "f32", SLOTS * MM * (OUT + 4)], ["weights", "f16", SLOTS * MM * (MM + 8)]]
# include "shared/elements.wgsl"
var<workgroup> total: array<f32, ${SLOTS * MM}>;   // sum of the weights of every row

@compute @workgroup_size(${LANES * SLOTS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(subgroup_id) subgroup: u32,
        @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32) {
  // Where subgroups are smaller than expected there are more of them: the others do what the last one does, and store nothing.
  let part = min(subgroup, ${SLOTS - 1}u);
  let items = p.tile_count * p.heads;
  let index = workgroup_index(wg, groups) * SLOTS + part;
  let works = (subgroup < SLOTS) & (index < items);
  let item = item_at(min(index, items - 1u), TILE);
  let sequence = item.group / p.inner;
  let q_at = q_element(sequence, 0u, item) / 4u;
  let k_at = (kv_element(sequence, item) - p.k_base) / 4u;
  let v_at = (kv_element(sequence, item) - p.v_base) / 4u;
  let q_stride = p.inner * p.q_row / 4u;
  let kv_stride = p.inner * p.k_row / 4u;
  let row0 = part * ${MM}u;
# for d in range(WIDTH // MM)
  let q_${d} = coopLoadT<coop_mat${MM}x${MM}<f16, A>>(&q[q_at + ${d * MM // 4}u], q_stride);
  let k_${d} = coopLoad<coop_mat${MM}x${MM}<f16, B>>(&k[k_at + ${d * MM // 4}u], kv_stride);
  let v_${d} = coopLoadT<coop_mat${MM}x${MM}<f16, B>>(&v[v_at + ${d * MM // 4}u], kv_stride);
# endfor
  var s: coop_mat${MM}x${MM}<f32, C>;
# for d in range(WIDTH // MM)
  s = coopMultiplyAdd(q_${d}, k_${d}, s);
# endfor
  coopStoreT(s, &scores[row0 * SCORE_STRIDE], SCORE_STRIDE);
  workgroupBarrier();
  for (var r = lane; r < ${MM}u; r += lanes) {
    var top = vec4<f32>(NO_SCORE);
# for n in range(MM // 4)
    let s_${n} = load_scores((row0 + r) * SCORE_STRIDE + ${4 * n // UNIT}u) * p.scale;
    top = max(top, s_${n});
# endfor
    let m = max(max(top.x, top.y), max(top.z, top.w));
    var sum = vec4<f32>();
# for n in range(MM // 4)
    let weight_${n} = exp2(s_${n} - m);
    sum += weight_${n};
    store_weights((row0 + r) * WEIGHT_STRIDE + ${4 * n // UNIT}u, vec4<f16>(weight_${n}));
# endfor
    total[row0 + r] = (sum.x + sum.y) + (sum.z + sum.w);
  }
  workgroupBarrier();
  let left = coopLoadT<coop_mat${MM}x${MM}<f16, A>>(&weights[row0 * WEIGHT_STRIDE], WEIGHT_STRIDE);
# for c in range(0, WIDTH, OUT)
# if c > 0
  workgroupBarrier();
# endif
# for d in range(OUT // MM)
  {
    var sum: coop_mat${MM}x${MM}<f32, C>;
    sum = coopMultiplyAdd(left, v_${c // MM + d}, sum);
    coopStoreT(sum, &scores[row0 * SCORE_STRIDE + ${d * MM // UNIT}u], SCORE_STRIDE);
  }
# endfor
  workgroupBarrier();
  if works {
    for (var slot = lane; slot < ${MM * OUT // 4}u; slot += lanes) {
      let row = slot / ${OUT // 4}u;
      let quad = slot % ${OUT // 4}u;
      let sum = load_scores((row0 + row) * SCORE_STRIDE + quad * ${4 // UNIT}u);
      store_y(y_element(sequence, row, item), ${c // 4}u + quad, sum / total[row0 + row]);
    }
  }
# endfor
}
