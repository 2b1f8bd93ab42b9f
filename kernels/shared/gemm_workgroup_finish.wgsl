# for i in range(TM)
  {
    let row = row0 + lane.y + ${16 * i}u;
    if row < p.gemm.row_end {
# if GEGLU
# for j in range(0, TN, 2)
      if tile_col + col_${j} < p.gemm.n4 { finish_geglu(row, tile_col + col_${j}, sum_${i}_${j}, sum_${i}_${j + 1}); }
# endfor
# else
# for j in range(TN)
      if tile_col + col_${j} < p.gemm.n4 { finish(row, tile_col + col_${j}, sum_${i}_${j}); }
# endfor
# endif
    }
  }
# endfor
