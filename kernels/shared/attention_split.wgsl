// Attention, sliced rows: SLICES threads share R query rows; each holds every SLICES-th vec4 of q and of the weighted sum. Their partial
// scores meet in workgroup memory: one thread adds a part of the slices of one score, then every thread adds the parts it needs.
# set w4 = (WIDTH + 3) // 4
# set columns = (w4 + SLICES - 1) // SLICES
# set quads = KEYS // 4
# set parts = SLICES // (R * KEYS)

var<workgroup> partial: array<vec4<f32>, ${LANES * R * SLICES * quads}>;   // [row][slice][4 keys]
var<workgroup> part: array<f32, ${LANES * R * parts * KEYS}>;              // [row][part][key]

@compute @workgroup_size(${SLICES}, ${LANES})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_id) lane: vec3<u32>) {
  let index = workgroup_index(wg, groups);
  if index >= p.tile_count * p.heads { return; }
  let item = item_at(index, TILE);
  let sequence = item.group / p.inner;
# for d in range(columns)
  let column_${d} = min(lane.x + ${d * SLICES}u, W4 - 1u);
  let mine_${d} = lane.x + ${d * SLICES}u < W4;
# endfor
# for i in range(R)
  // A row outside this dispatch is computed as its neighbour and not stored.
  let want_${i} = item.tile_row + lane.y * ${R}u + ${i}u;
  let row_${i} = clamp(want_${i}, item.first, item.last);
  let q_at_${i} = q_element(sequence, row_${i}, item);
  let seen_${i} = select(p.k_tokens, min(p.k_tokens, row_${i} + 1u), p.causal > 0u);
# for d in range(columns)
  let q_${i}_${d} = select(vec4<f32>(), load_q(q_at_${i}, column_${d}) * p.scale, mine_${d});
  var sum_${i}_${d} = vec4<f32>();
# endfor
  var m_${i} = NO_SCORE;
  var l_${i} = 0.0;
# endfor
  let kv_at = kv_element(sequence, item);
  let stride = p.inner * p.k_row;
  // The score that this thread helps to add up, and its part of the slices.
  let sum_row = lane.y * ${R}u + lane.x / ${KEYS}u % ${R}u;
  let sum_key = lane.x % ${KEYS}u;
  let sum_part = lane.x / ${R * KEYS}u;
  for (var block = 0u; block < item.keys; block += ${KEYS}u) {
# for j in range(KEYS)
    let at_${j} = kv_at + min(block + ${j}u, item.keys - 1u) * stride;
# for d in range(columns)
    let k_${j}_${d} = load_k(at_${j} - p.k_base, column_${d});
# endfor
# for i in range(R)
    var s_${i}_${j} = dot(q_${i}_0, k_${j}_0);
# for d in range(1, columns)
    s_${i}_${j} += dot(q_${i}_${d}, k_${j}_${d});
# endfor
# endfor
# endfor
# for i in range(R)
# for n in range(quads)
    partial[((lane.y * ${R}u + ${i}u) * ${SLICES}u + lane.x) * ${quads}u + ${n}u] =
      vec4<f32>(s_${i}_${4 * n}, s_${i}_${4 * n + 1}, s_${i}_${4 * n + 2}, s_${i}_${4 * n + 3});
# endfor
# endfor
    workgroupBarrier();
    var sum = 0.0;
    for (var slice = 0u; slice < ${R * KEYS}u; slice++) {
      sum += partial[(sum_row * ${SLICES}u + sum_part * ${R * KEYS}u + slice) * ${quads}u + sum_key / 4u][sum_key % 4u];
    }
    part[(sum_row * ${parts}u + sum_part) * ${KEYS}u + sum_key] = sum;
    workgroupBarrier();
# for i in range(R)
    let part_${i} = (lane.y * ${R}u + ${i}u) * ${parts * KEYS}u;
    var top_${i} = m_${i};
# for j in range(KEYS)
    s_${i}_${j} = part[part_${i} + ${j}u];
# for n in range(1, parts)
    s_${i}_${j} += part[part_${i} + ${n * KEYS + j}u];
# endfor
    s_${i}_${j} = select(NO_SCORE, s_${i}_${j}, block + ${j}u < seen_${i});
    top_${i} = max(top_${i}, s_${i}_${j});
# endfor
    let fade_${i} = exp2(m_${i} - top_${i});
    m_${i} = top_${i};
    l_${i} *= fade_${i};
# for j in range(KEYS)
    s_${i}_${j} = exp2(s_${i}_${j} - top_${i});
    l_${i} += s_${i}_${j};
# endfor
# for d in range(columns)
    sum_${i}_${d} *= fade_${i};
# endfor
# endfor
# for j in range(KEYS)
# for d in range(columns)
    let v_${j}_${d} = load_v(at_${j} - p.v_base, column_${d});
# for i in range(R)
    sum_${i}_${d} = fma(vec4<f32>(s_${i}_${j}), v_${j}_${d}, sum_${i}_${d});
# endfor
# endfor
# endfor
  }
# for i in range(R)
  if want_${i} == row_${i} {
    let y_at_${i} = y_element(sequence, row_${i}, item);
# for d in range(columns)
    if mine_${d} { store_y(y_at_${i}, column_${d}, sum_${i}_${d} / l_${i}); }
# endfor
  }
# endfor
}
