// Attention, whole rows: every thread holds R query rows of one head, q and the weighted sum of values in registers. LANES x SLOTS
// threads; a slot is one item. With STAGE > 0 the workgroup (one slot) first copies STAGE keys and values to workgroup memory. With
// BROADCAST the workgroup is one subgroup (and one slot): every lane loads other columns of the block and hands them to all lanes.
# set w4 = (WIDTH + 3) // 4
# set loads = (KEYS * w4 + LANES - 1) // LANES
# if STAGE > 0

var<workgroup> k_stage: array<vec4<f32>, ${STAGE * w4}>;
var<workgroup> v_stage: array<vec4<f32>, ${STAGE * w4}>;
# endif

@compute @workgroup_size(${LANES}, ${SLOTS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
# if BROADCAST
        @builtin(subgroup_invocation_id) sublane: u32,
# endif
        @builtin(local_invocation_id) lane: vec3<u32>) {
  let items = p.tile_count * p.heads;
# if SLOTS > 1
  let index = workgroup_index(wg, groups) * SLOTS + lane.y;
# else
  let index = workgroup_index(wg, groups);
# endif
  if index >= items { return; }
  let item = item_at(index, TILE);
  let sequence = item.group / p.inner;
# for i in range(R)
  // A row outside this dispatch is computed as its neighbour and not stored.
  let want_${i} = item.tile_row + lane.x + ${i * LANES}u;
  let row_${i} = clamp(want_${i}, item.first, item.last);
  let q_at_${i} = q_element(sequence, row_${i}, item);
  let seen_${i} = select(p.k_tokens, min(p.k_tokens, row_${i} + 1u), p.causal > 0u);
# for d in range(w4)
  let q_${i}_${d} = load_q(q_at_${i}, ${d}u) * p.scale;
  var sum_${i}_${d} = vec4<f32>();
# endfor
  var m_${i} = NO_SCORE;
  var l_${i} = 0.0;
# endfor
  let kv_at = kv_element(sequence, item);
  let stride = p.inner * p.k_row;
# if STAGE > 0
  for (var stage = 0u; stage < item.keys; stage += ${STAGE}u) {
    let staged = min(${STAGE}u, item.keys - stage);
    for (var slot = lane.x; slot < staged * W4; slot += ${LANES}u) {
      let at = kv_at + (stage + slot / W4) * stride;
      k_stage[slot] = load_k(at - p.k_base, slot % W4);
      v_stage[slot] = load_v(at - p.v_base, slot % W4);
    }
    workgroupBarrier();
  for (var block = 0u; block < staged; block += ${KEYS}u) {
# for j in range(KEYS)
    let slot_${j} = min(block + ${j}u, staged - 1u) * W4;
# endfor
# else
  {
  for (var block = 0u; block < item.keys; block += ${KEYS}u) {
# if BROADCAST
# for n in range(loads)
    let slot_${n} = min(sublane + ${n * LANES}u, ${KEYS * w4 - 1}u);
    let at_${n} = kv_at + min(block + slot_${n} / W4, item.keys - 1u) * stride;
    let k_part_${n} = load_k(at_${n} - p.k_base, slot_${n} % W4);
# endfor
# else
# for j in range(KEYS)
    let at_${j} = kv_at + min(block + ${j}u, item.keys - 1u) * stride;
# endfor
# endif
# endif
# for i in range(R)
# for j in range(KEYS)
    var s_${i}_${j} = 0.0;
# endfor
# endfor
# for d in range(w4)
# for j in range(KEYS)
# if STAGE > 0
    let k_${j}_${d} = k_stage[slot_${j} + ${d}u];
# elif BROADCAST
    let k_${j}_${d} = subgroupBroadcast(k_part_${(j * w4 + d) // LANES}, ${(j * w4 + d) % LANES}u);
# else
    let k_${j}_${d} = load_k(at_${j} - p.k_base, ${d}u);
# endif
# for i in range(R)
    s_${i}_${j} = fma(q_${i}_${d}.x, k_${j}_${d}.x, s_${i}_${j});
    s_${i}_${j} = fma(q_${i}_${d}.y, k_${j}_${d}.y, s_${i}_${j});
    s_${i}_${j} = fma(q_${i}_${d}.z, k_${j}_${d}.z, s_${i}_${j});
    s_${i}_${j} = fma(q_${i}_${d}.w, k_${j}_${d}.w, s_${i}_${j});
# endfor
# endfor
# endfor
# for i in range(R)
    var top_${i} = m_${i};
# for j in range(KEYS)
# if STAGE > 0
    s_${i}_${j} = select(NO_SCORE, s_${i}_${j}, block + ${j}u < staged && stage + block + ${j}u < seen_${i});
# else
    s_${i}_${j} = select(NO_SCORE, s_${i}_${j}, block + ${j}u < seen_${i});
# endif
    top_${i} = max(top_${i}, s_${i}_${j});
# endfor
    let fade_${i} = exp2(m_${i} - top_${i});
    m_${i} = top_${i};
    l_${i} *= fade_${i};
# for j in range(KEYS)
    s_${i}_${j} = exp2(s_${i}_${j} - top_${i});
    l_${i} += s_${i}_${j};
# endfor
# endfor
# if BROADCAST
# for n in range(loads)
    let v_part_${n} = load_v(at_${n} - p.v_base, slot_${n} % W4);
# endfor
# endif
# for d in range(w4)
# for i in range(R)
    sum_${i}_${d} *= fade_${i};
# endfor
# for j in range(KEYS)
# if STAGE > 0
    let v_${j}_${d} = v_stage[slot_${j} + ${d}u];
# elif BROADCAST
    let v_${j}_${d} = subgroupBroadcast(v_part_${(j * w4 + d) // LANES}, ${(j * w4 + d) % LANES}u);
# else
    let v_${j}_${d} = load_v(at_${j} - p.v_base, ${d}u);
# endif
# for i in range(R)
    sum_${i}_${d} = fma(vec4<f32>(s_${i}_${j}), v_${j}_${d}, sum_${i}_${d});
# endfor
# endfor
# endfor
  }
# if STAGE > 0
    workgroupBarrier();
# endif
  }
# for i in range(R)
  if want_${i} == row_${i} {
    let y_at_${i} = y_element(sequence, row_${i}, item);
# for d in range(w4)
    store_y(y_at_${i}, ${d}u, sum_${i}_${d} / l_${i});
# endfor
  }
# endfor
}
