    for (var q = 0u; q < ${KT // 4}u; q++) {
# for i in range(TM)
      let a_${i} = tile[half * A_HALF + (lane.y + ${16 * i}u) * A_STRIDE + q];
# endfor
# for k in ["x", "y", "z", "w"]
# set inner = loop.index0
# for j in range(TN)
      let b_${k}_${j} = tile[B_BEGIN + half * B_HALF + (q * 4u + ${inner}u) * B_STRIDE + col_${j}];
# endfor
# for i in range(TM)
# for j in range(TN)
      sum_${i}_${j} = fma(vec4<f32>(a_${i}.${k}), b_${k}_${j}, sum_${i}_${j});
# endfor
# endfor
# endfor
    }
