// Attention by cooperative matrices of MM x MM: each of SG subgroups holds RT * MM query rows of one head, in registers q as left operands and the
// weighted sum of values in f32. KEYS keys and values at a time lie in workgroup memory; the next ones are on their way into registers meanwhile.
// Scores pass through workgroup memory, where one thread takes a row: a matrix has no elements to name. For the same reason sums cannot be
// faded row by row where they are: a row's reference m stays until a score exceeds it by SLACK, and only then all sums are scaled in workgroup
// memory. Until then weights grow to at most 2^SLACK, which f16 holds as precisely as those below 1. MASKED: not every row sees all keys of a block.
# set rows = RT * MM
# set queries = SG * rows
# set threads = LANES * SG
# set units = KEYS * WIDTH // 4
# set loads = (units + threads - 1) // threads
# set reach = [KEYS, WIDTH] | min
# set numbers = range(SG) | list
# set RISEN = "risen[" ~ (numbers | join("] + risen[")) ~ "]"

const SLACK = 8.0;
const KV_STRIDE = ${(WIDTH + 8) // UNIT}u;          // elements of a row; more than needed, so that rows begin in different banks
const SCORE_STRIDE = ${(KEYS + 4) // UNIT}u;
const WEIGHT_STRIDE = ${(KEYS + 8) // UNIT}u;
// k_tile, v_tile [key][width]; scores, weights [row][key], which are also the way of sums out and back, and of q in
# set ARRAYS = [["k_tile", "f16", KEYS * (WIDTH + 8)], ["v_tile", "f16", KEYS * (WIDTH + 8)], ["scores", "f32", queries * (KEYS + 4)], ["weights", "f16", queries * (KEYS + 8)]]
# include "shared/elements.wgsl"
var<workgroup> reference: array<f32, ${queries}>;                         // m of every row
var<workgroup> total: array<f32, ${queries}>;                             // l of every row
var<workgroup> fade: array<f32, ${queries}>;
var<workgroup> rises: array<u32, ${SG}>;                                    // does m of any row of a subgroup change?

// 4 scores of a row.
fn score(row: u32, quad: u32) -> vec4<f32> { return load_scores(row * SCORE_STRIDE + quad * ${4 // UNIT}u); }

# macro fetch(block)
# for n in range(loads)
    ok_${n} = ((${block}) + key_${n} < item.keys)${" & (key_" ~ n ~ " < " ~ KEYS ~ "u)" if (n + 1) * threads > units else ""};
    let at_${n} = kv_at + ((${block}) + key_${n}) * stride;
    k_${n} = k[select(0u, (at_${n} - p.k_base) / 4u + col_${n}, ok_${n})];
    v_${n} = v[select(0u, (at_${n} - p.v_base) / 4u + col_${n}, ok_${n})];
# endfor
# endmacro
# macro stage(name)
# for n in range(loads)
# if (n + 1) * threads > units
    if key_${n} < ${KEYS}u
# endif
    { store_${name}_tile(key_${n} * KV_STRIDE + col_${n} * ${4 // UNIT}u, select(vec4<f16>(), ${name}_${n}, ok_${n})); }
# endfor
# endmacro

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32,
        @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32) {
  let index = min(workgroup_index(wg, groups), p.tile_count * p.heads - 1u);
  let item = item_at(index, TILE);
  let sequence = item.group / p.inner;
  let kv_at = kv_element(sequence, item);
  let stride = p.inner * p.k_row;
  // Where subgroups are smaller than expected there are more of them: the others only help to load.
  let part = min(subgroup, ${SG - 1}u);
  let works = subgroup < ${SG}u;
  let row0 = part * ${rows}u;
# for n in range(loads)
  let key_${n} = (thread + ${n * threads}u) / ${WIDTH // 4}u;
  let col_${n} = (thread + ${n * threads}u) % ${WIDTH // 4}u;
  var k_${n} = vec4<f16>();
  var v_${n} = vec4<f16>();
  var ok_${n} = false;
# endfor
${fetch("0u")}
  // q, some columns at a time. A row outside this dispatch is computed as its neighbour and not stored.
# for c in range(0, WIDTH, reach)
  workgroupBarrier();
  for (var slot = thread; slot < ${queries * reach // 4}u; slot += ${threads}u) {
    let line = slot / ${reach // 4}u;
    let col = slot % ${reach // 4}u;
    let row = clamp(item.tile_row + line, item.first, item.last);
    let at = q_element(sequence, row, item);
    let value = q[at / 4u + ${c // 4}u + col];
    store_weights(line * WEIGHT_STRIDE + col * ${4 // UNIT}u, value);
  }
  workgroupBarrier();
# for i in range(RT)
# for d in range(reach // MM)
  let q_${i}_${c // MM + d} = coopLoadT<coop_mat${MM}x${MM}<f16, A>>(&weights[(row0 + ${i * MM}u) * WEIGHT_STRIDE + ${d * MM // UNIT}u], WEIGHT_STRIDE);
# endfor
# endfor
# endfor
# for i in range(RT)
# for d in range(WIDTH // MM)
  var sum_${i}_${d}: coop_mat${MM}x${MM}<f32, C>;
# endfor
# endfor
  if works {
    for (var r = lane; r < ${rows}u; r += lanes) {
      reference[row0 + r] = NO_SCORE;
      total[row0 + r] = 0.0;
    }
  }
${stage("k")}
  for (var block = 0u; block < item.keys; block += ${KEYS}u) {
    workgroupBarrier();
${stage("v")}
    // Behind this branch, whose results are needed whether it is taken or not, loads cannot be moved to where they are needed, which would be too late.
    if block + ${KEYS}u < item.keys {
${fetch("block + " ~ KEYS ~ "u")}
    }
    // Scores.
# for j in range(KEYS // MM)
    {
# for d in range(WIDTH // MM)
      let right_${d} = coopLoad<coop_mat${MM}x${MM}<f16, B>>(&k_tile[${j * MM}u * KV_STRIDE + ${d * MM // UNIT}u], KV_STRIDE);
# endfor
# for i in range(RT)
      var s_${i}: coop_mat${MM}x${MM}<f32, C>;
# for d in range(WIDTH // MM)
      s_${i} = coopMultiplyAdd(q_${i}_${d}, right_${d}, s_${i});
# endfor
      coopStoreT(s_${i}, &scores[(row0 + ${i * MM}u) * SCORE_STRIDE + ${j * MM // UNIT}u], SCORE_STRIDE);
# endfor
    }
# endfor
    workgroupBarrier();
    // Weights: a thread takes a row.
    var rise = false;
    if works {
      for (var r = lane; r < ${rows}u; r += lanes) {
        let at = row0 + r;
# if MASKED
        let row = clamp(item.tile_row + at, item.first, item.last);
        let seen = select(p.k_tokens, min(p.k_tokens, row + 1u), p.causal > 0u);
# endif
        let m = reference[at];
        var top = vec4<f32>(NO_SCORE);
# for n in range(KEYS // 4)
# if MASKED
        let key_${n} = vec4<u32>(block + ${4 * n}u) + vec4<u32>(0u, 1u, 2u, 3u);
        let s_${n} = select(vec4<f32>(NO_SCORE), score(at, ${n}u), key_${n} < vec4<u32>(seen));
# else
        let s_${n} = score(at, ${n}u);
# endif
        top = max(top, s_${n});
# endfor
        let highest = max(max(top.x, top.y), max(top.z, top.w)) * p.scale;
        let changes = highest > m + SLACK;
        let next = select(m, highest, changes);
        let factor = exp2(m - next);
        var sum = vec4<f32>();
        // The scaled score is not rounded here, as it was for m: huge ones may exceed it by more than SLACK.
# for n in range(KEYS // 4)
        let weight_${n} = exp2(min(fma(s_${n}, vec4<f32>(p.scale), vec4<f32>(-next)), vec4<f32>(SLACK + 1.0)));
        sum += weight_${n};
        store_weights(at * WEIGHT_STRIDE + ${4 * n // UNIT}u, vec4<f16>(weight_${n}));
# endfor
        total[at] = total[at] * factor + (sum.x + sum.y) + (sum.z + sum.w);
        reference[at] = next;
        fade[at] = factor;
        rise = rise | changes;
      }
    }
    let any_rise = subgroupAny(rise);
    if works & (lane == 0u) { rises[part] = u32(any_rise); }
${stage("k")}
    let risen = workgroupUniformLoad(&rises);
    if ${RISEN} > 0u {
# for i in range(RT)
# for c in range(0, WIDTH, reach)
# if c > 0
      workgroupBarrier();
# endif
# for d in range(reach // MM)
      coopStoreT(sum_${i}_${c // MM + d}, &scores[(row0 + ${i * MM}u) * SCORE_STRIDE + ${d * MM // UNIT}u], SCORE_STRIDE);
# endfor
      workgroupBarrier();
      if works {
        for (var slot = lane; slot < ${MM * reach // 4}u; slot += lanes) {
          let at = row0 + ${i * MM}u + slot / ${reach // 4}u;
          let quad = slot % ${reach // 4}u;
          store_scores(at * SCORE_STRIDE + quad * ${4 // UNIT}u, score(at, quad) * fade[at]);
        }
      }
      workgroupBarrier();
# for d in range(reach // MM)
      sum_${i}_${c // MM + d} = coopLoadT<coop_mat${MM}x${MM}<f32, C>>(&scores[(row0 + ${i * MM}u) * SCORE_STRIDE + ${d * MM // UNIT}u], SCORE_STRIDE);
# endfor
# endfor
# endfor
    }
    // Sums of values.
# for j in range(KEYS // MM)
    {
# for d in range(WIDTH // MM)
      let right_${d} = coopLoadT<coop_mat${MM}x${MM}<f16, B>>(&v_tile[${j * MM}u * KV_STRIDE + ${d * MM // UNIT}u], KV_STRIDE);
# endfor
# for i in range(RT)
      let left_${i} = coopLoadT<coop_mat${MM}x${MM}<f16, A>>(&weights[(row0 + ${i * MM}u) * WEIGHT_STRIDE + ${j * MM // UNIT}u], WEIGHT_STRIDE);
# for d in range(WIDTH // MM)
      sum_${i}_${d} = coopMultiplyAdd(left_${i}, right_${d}, sum_${i}_${d});
# endfor
# endfor
    }
# endfor
  }
# for i in range(RT)
# for c in range(0, WIDTH, reach)
  workgroupBarrier();
# for d in range(reach // MM)
  coopStoreT(sum_${i}_${c // MM + d}, &scores[(row0 + ${i * MM}u) * SCORE_STRIDE + ${d * MM // UNIT}u], SCORE_STRIDE);
# endfor
  workgroupBarrier();
  if works {
    for (var slot = lane; slot < ${MM * reach // 4}u; slot += lanes) {
      let at = row0 + ${i * MM}u + slot / ${reach // 4}u;
      let row = item.tile_row + at;
      if (row >= item.first) & (row <= item.last) {
        store_y(y_element(sequence, row, item), ${c // 4}u + slot % ${reach // 4}u, score(at, slot % ${reach // 4}u) / total[at]);
      }
    }
  }
# endfor
# endfor
}
