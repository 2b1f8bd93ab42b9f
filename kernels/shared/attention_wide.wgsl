// Attention, wide loads: whole rows as in attention_rows.wgsl, for a workgroup that is one subgroup. Every lane loads other columns of a block
// of keys and values, 8 at a time as 64-bit integers, and hands them to all lanes. A sum is finished over a whole block before the next is
// begun, so that it stays in a register: what CPU drivers like, which keep everything else in memory. Where all keys are ONE block, there is
// no loop: on such drivers its body runs once more, with nothing to do.
# set w8 = WIDTH // 8
# set loads = KEYS * w8 // LANES
# set parts = ["low.x", "low.y", "low.z", "low.w", "high.x", "high.y", "high.z", "high.w"]

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(subgroup_invocation_id) sublane: u32, @builtin(local_invocation_id) lane: vec3<u32>) {
  let index = workgroup_index(wg, groups);
  if index >= p.tile_count * p.heads { return; }
  let item = item_at(index, TILE);
  let sequence = item.group / p.inner;
# for i in range(R)
  // A row outside this dispatch is computed as its neighbour and not stored.
  let want_${i} = item.tile_row + lane.x + ${i * LANES}u;
  let row_${i} = clamp(want_${i}, item.first, item.last);
  let q_at_${i} = q_element(sequence, row_${i}, item);
  let seen_${i} = select(p.k_tokens, min(p.k_tokens, row_${i} + 1u), p.causal > 0u);
# for d in range(w8)
  let whole_${i}_${d} = eight_${X}(q[q_at_${i} / 8u + ${d}u]);
# for part in parts
  let q_${i}_${8 * d + loop.index0} = whole_${i}_${d}.${part} * p.scale;
  var sum_${i}_${8 * d + loop.index0} = 0.0;
# endfor
# endfor
  var m_${i} = NO_SCORE;
  var l_${i} = 0.0;
# endfor
  let kv_at = kv_element(sequence, item);
  let stride = p.inner * p.k_row;
# for n in range(loads)
  let key_${n} = (sublane + ${n * LANES}u) / ${w8}u;
  let column_${n} = (sublane + ${n * LANES}u) % ${w8}u;
# endfor
# if ONE
  let block = 0u;
  {
# else
  for (var block = 0u; block < item.keys; block += ${KEYS}u) {
# endif
# for n in range(loads)
    let at_${n} = kv_at + min(block + key_${n}, item.keys - 1u) * stride;
    let k_${n} = eight_${X}(k[(at_${n} - p.k_base) / 8u + column_${n}]);
# endfor
# for j in range(KEYS)
# for i in range(R)
    var s_${i}_${j} = 0.0;
# endfor
# for d in range(w8)
# set slot = j * w8 + d
# for part in parts
# set at = 8 * d + loop.index0
    {
      let k = subgroupBroadcast(k_${slot // LANES}.${part}, ${slot % LANES}u);
# for i in range(R)
      s_${i}_${j} = fma(q_${i}_${at}, k, s_${i}_${j});
# endfor
    }
# endfor
# endfor
# endfor
# for i in range(R)
    var top_${i} = m_${i};
# for j in range(KEYS)
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
# endfor
# for n in range(loads)
    let v_${n} = eight_${X}(v[(at_${n} - p.v_base) / 8u + column_${n}]);
# endfor
# for d in range(w8)
# for part in parts
# set at = 8 * d + loop.index0
    {
# for j in range(KEYS)
# set slot = j * w8 + d
      let value_${j} = subgroupBroadcast(v_${slot // LANES}.${part}, ${slot % LANES}u);
# endfor
# for i in range(R)
      sum_${i}_${at} *= fade_${i};
# for j in range(KEYS)
      sum_${i}_${at} = fma(s_${i}_${j}, value_${j}, sum_${i}_${at});
# endfor
# endfor
    }
# endfor
# endfor
  }
# for i in range(R)
  if want_${i} == row_${i} {
    let scale_${i} = 1.0 / l_${i};
    let y_at_${i} = y_element(sequence, row_${i}, item);
# for d in range(w8)
# for half in [0, 4]
# set at = 8 * d + half
    let y_${i}_${d}_${half} = vec4<f32>(sum_${i}_${at}, sum_${i}_${at + 1}, sum_${i}_${at + 2}, sum_${i}_${at + 3}) * scale_${i};
# endfor
    y[y_at_${i} / 8u + ${d}u] = to_eight(y_${i}_${d}_0, y_${i}_${d}_4);
# endfor
  }
# endfor
}
