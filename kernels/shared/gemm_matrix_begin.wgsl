  // Where subgroups are smaller than expected there are more of them: the others do what the last one does, and store the same.
  let part = min(subgroup, ${WM * WN - 1}u);
  let sub_row = part / ${WN}u * ${SM * MM}u;
  let sub_col = part % ${WN}u * ${SN * MM}u;
# for i in range(SM)
# for j in range(SN)
  var sum_${i}_${j}: coop_mat${MM}x${MM}<f32, C>;
# endfor
# endfor
  let b_from = B_BEGIN + sub_col / ${UNIT}u;
