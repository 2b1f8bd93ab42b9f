      // 8 inner indices of the tall tile: columns are handed round, and each lane has rows of its own.
# for e in range(eights)
      let part_${e} = eight_${W}(w[w_at + col_${e}]);
# endfor
# for e in range(eights)
# for half in ["low", "high"]
# for c in ["x", "y", "z", "w"]
# set column = 8 * e + (4 if half == "high" else 0) + loop.index0
      {
# for k in range(8)
        let b_${k} = subgroupBroadcast(part_${e}.${half}.${c}, ${k}u);
# endfor
# for i in range(TM)
# for k in range(8)
        sum_${i}_${column} = fma(v_${i}.${"low" if k < 4 else "high"}.${"xyzw"[k % 4]}, b_${k}, sum_${i}_${column});
# endfor
# endfor
      }
# endfor
# endfor
# endfor
