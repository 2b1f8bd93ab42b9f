  // Finishes the TM x TN sums of this thread in a loop: unrolled, the epilogue would take most of the time to compile.
# set step = 2 if GEGLU else 1
  for (var slot = 0u; slot < ${TM * TN}u; slot += ${step}u) {
    var sum = vec4<f32>();
# if GEGLU
    var gate = vec4<f32>();
# endif
    switch slot {
# for i in range(TM)
# for j in range(0, TN, step)
# if GEGLU
      case ${i * TN + j}u: { sum = sum_${i}_${j}; gate = sum_${i}_${j + 1}; }
# else
      case ${i * TN + j}u: { sum = sum_${i}_${j}; }
# endif
# endfor
# endfor
      default: { }
    }
    let row = row0 + slot / ${TN}u;
    let col = col0 + slot % ${TN}u;
    if row < p.gemm.row_end && col < p.gemm.n4 {
# if GEGLU
      finish_geglu(row, col, sum, gate);
# else
      finish(row, col, sum);
# endif
    }
  }
