// Activation, residual and store of 8 columns of a row; with GEGLU of 4, from 4 values and their gates. What a product does not have is left out.
fn finish_row(row: u32, col0: u32, low: vec4<f32>, high: vec4<f32>) {
# if GEGLU
  y[(row * p.gemm.n - p.gemm.y_base) / 4u + col0 / 2u] = to_four(low * gelu4(high));
# else
  var v_0 = low;
  var v_1 = high;
  let at = row * p.gemm.n + col0 * 4u;
# if GROUPED
  let group = eight_${X}(row_bias[(row / p.gemm.rows_per_group * p.gemm.n + col0 * 4u - p.gemm.row_bias_base) / 8u]);
  v_0 += group.low;
  v_1 += group.high;
# endif
# if ACTIVATION != "none"
  v_0 = ${ACTIVATION}4(v_0);
  v_1 = ${ACTIVATION}4(v_1);
# endif
# if RESIDUAL
  let before = eight_${X}(residual[(at - p.gemm.residual_base) / 8u]);
  v_0 += before.low;
  v_1 += before.high;
# endif
  y[(at - p.gemm.y_base) / 8u] = to_eight(v_0, v_1);
# endif
}
