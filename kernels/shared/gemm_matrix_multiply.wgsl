    {
# for i in range(SM)
      let left_${i} = coopLoadT<coop_mat${MM}x${MM}<f16, A>>(&tile[a_from + ${left_from(i, window) | trim} + ${k * MM // UNIT}u], A_STRIDE);
# endfor
# for j in range(SN)
      let right_${j} = coopLoadT<coop_mat${MM}x${MM}<f16, B>>(&tile[b_from + half * B_HALF + ${k * MM}u * B_STRIDE + ${j * MM // UNIT}u], B_STRIDE);
# endfor
# for i in range(SM)
# for j in range(SN)
      sum_${i}_${j} = coopMultiplyAdd(left_${i}, right_${j}, sum_${i}_${j});
# endfor
# endfor
    }
