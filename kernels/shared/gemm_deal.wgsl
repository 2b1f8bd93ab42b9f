  // Which rows (of a patch: places) and columns a thread loads: its rows lie evenly apart.
# if KT == 32 and threads // a_width % 8 == 0
  // 16 threads store rows r and r + 4, which lie in different banks.
  let a_dealt = thread / ${a_width}u;
  let a_row = (a_dealt & ~7u) | ((a_dealt & 1u) << 2u) | ((a_dealt >> 1u) & 3u);
# else
  let a_row = thread / ${a_width}u;
# endif
  let a_col = thread % ${a_width}u;
  let a_to = a_row * A_STRIDE + a_col * ${4 // UNIT}u;
  let b_row = thread / ${b_width}u;
  // Columns outside are computed as the last ones, and not stored.
  let b_at = b_row * p.gemm.n4 + min(tile_col + thread % ${b_width}u, p.gemm.n4 - 1u);
  let b_to = B_BEGIN + b_row * B_STRIDE + thread % ${b_width}u * ${4 // UNIT}u;
