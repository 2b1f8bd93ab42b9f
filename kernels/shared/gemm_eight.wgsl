  // The inner indices of the tiles that load 8 values at a time, 8 after 8: every lane loads those of OWN rows, row_0, row_1 …, as v_0, v_1 …, and
  // STEP multiplies them by those of w from w_at on.
# if not ONE_TAP
# for i in range(OWN)
  let place_${i} = place(row_${i});
# endfor
  var tap = 0u;
  loop {
# endif
# for i in range(OWN)
# if ONE_TAP
    let pixel_${i} = place(row_${i}).x;
# else
    let under_${i} = under(place_${i}, tap);
    let inside_${i} = under_${i} >= 0;
# endif
# endfor
# for s in ["0", "1"] if s == "0" or TWO
# for i in range(OWN)
# if ONE_TAP
    let x${s}_at_${i} = (pixel_${i} * p.gemm.c${s} - p.gemm.x${s}_base) / 8u;
# else
    let x${s}_at_${i} = select(0u, (u32(under_${i}) * p.gemm.c${s} - p.gemm.x${s}_base) / 8u, inside_${i});
# endif
# endfor
    var c_${s} = 0u;
    loop {
# for i in range(OWN)
# if ONE_TAP
      let v_${i} = eight_${X}(x${s}[x${s}_at_${i} + c_${s}]);
# else
      let loaded_${i} = eight_${X}(x${s}[x${s}_at_${i} + c_${s}]);
      let v_${i} = Eight(select(vec4<f32>(), loaded_${i}.low, inside_${i}), select(vec4<f32>(), loaded_${i}.high, inside_${i}));
# endif
# endfor
# include STEP
      continuing {
        w_at += 8u * n8;
        c_${s}++;
        break if c_${s} >= p.gemm.c${s} / 8u;
      }
    }
# endfor
# if not ONE_TAP
    continuing {
      tap++;
      break if tap >= p.gemm.taps;
    }
  }
# endif
