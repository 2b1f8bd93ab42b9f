  // A step that has room once: the next one is loaded into registers before it is multiplied, and stored behind it. Compilers unroll the loop and begin
  // the loads of a step in front of the stores of the one before, whose wait then takes them in (an H100's does). HELD: they cannot.
  // Matrices are loaded one block of inner indices ahead of the products, two sets of them in turn.
# set blocks = KT // MM
# for set in range(2)
# for i in range(SM)
  var left_${set}_${i}: coop_mat${MM}x${MM}<f16, A>;
# endfor
# for j in range(SN)
  var right_${set}_${j}: coop_mat${MM}x${MM}<f16, B>;
# endfor
# endfor
# macro load(k)
# for i in range(SM)
    left_${k % 2}_${i} = coopLoadT<coop_mat${MM}x${MM}<f16, A>>(&tile[a_from + ${i * MM}u * A_STRIDE + ${k * MM // UNIT}u], A_STRIDE);
# endfor
# for j in range(SN)
    right_${k % 2}_${j} = coopLoadT<coop_mat${MM}x${MM}<f16, B>>(&tile[b_from + ${k * MM}u * B_STRIDE + ${j * MM // UNIT}u], B_STRIDE);
# endfor
# endmacro
# macro multiply()
# for k in range(blocks)
# if k + 1 < blocks
${load(k + 1)}
# endif
# for i in range(SM)
# for j in range(SN)
    sum_${i}_${j} = coopMultiplyAdd(left_${k % 2}_${i}, right_${k % 2}_${j}, sum_${i}_${j});
# endfor
# endfor
# endfor
# endmacro
# if HELD or not STRAIGHT
  // Behind the tile lies a zero.
  if thread == 0u { store_tile(ZERO, vec4<f16>()); }
# endif
${fetch()}
${stage("0u")}
  workgroupBarrier();
${load(0)}
  for (var step = 1u; step < steps; step++) {
${fetch(HELD)}
${multiply()}
    workgroupBarrier();
# if not STRAIGHT
    // Known behind the barrier only, as what it decides on: compilers would choose, and wait for what was loaded, in front of the products.
    let now = load_tile(ZERO).x == 0.0h;
# endif
${stage("0u", " & now")}
    workgroupBarrier();
${load(0)}
  }
${multiply()}
