      // 8 inner indices of the wide tile: rows are handed round, and each lane has columns of its own.
# for k in range(8)
      let b_${k} = eight_${W}(w[w_at + ${k}u * n8]);
# endfor
# for i in range(TM)
      {
# for k in range(8)
        let a_${k} = subgroupBroadcast(v_${i // WG}.${"low" if k < 4 else "high"}.${"xyzw"[k % 4]}, ${i % WG}u);
# endfor
# for j in [0, 1]
# for c in ["x", "y", "z", "w"]
# for k in range(8)
        sum_${i}_${j}_${c} = fma(a_${k}, b_${k}.${"high" if j else "low"}.${c}, sum_${i}_${j}_${c});
# endfor
# endfor
# endfor
      }
# endfor
