// A tile that lies inside of y leaves without conditions, so that no load waits in a branch.
# macro finished(e, at, added)
# if GEGLU
(load_sums(${at}) + bias_${e}) * gelu4(load_sums(${at} + ${4 // UNIT}u) + gate_bias_${e})
# else
# set v = "load_sums(" ~ at ~ ") + bias_" ~ e
# set v = v if ACTIVATION == "none" else ACTIVATION ~ "4(" ~ v ~ ")"
${v}${" + vec4<f32>(" ~ added ~ ")" if RESIDUAL else ""}
# endif
# endmacro
# set step = 2 if GEGLU else 1
  // The columns of a thread are the same in all matrices: its biases are loaded once.
# for e in range(0, SN, EPI)
# set width = ([EPI, SN - e] | min) * MM // 4 // step
  let col_${e} = tile_col + sub_col / 4u + ${e * MM // 4}u + lane % ${width}u * ${step}u;
  let col_inside_${e} = col_${e} < p.gemm.n4;
  var bias_${e} = bias[bias_at(select(0u, col_${e}, col_inside_${e}))];
# if GEGLU
  let gate_bias_${e} = bias[bias_at(select(0u, col_${e} + 1u, col_inside_${e}))];
# endif
# endfor
  let inside = (${all_stored() | trim}) & (tile_col + COLS <= p.gemm.n4);
# if GROUPED
  // A group is longer than most tiles.
  let group = row0 / p.gemm.rows_per_group;
  let plain = inside & (group == (${last_row() | trim}) / p.gemm.rows_per_group);
# for e in range(0, SN, EPI)
  let group_bias_${e} = vec4<f32>(row_bias[select(0u, (group * p.gemm.n - p.gemm.row_bias_base) / 4u + col_${e}, plain)]);
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
    let first = ${first_row(i) | trim};
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
        if ${stored(i) | trim} & col_inside_${e} {
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
