# set step = 2 if GEGLU else 1
  // Rows of threads beside each other are neighbours, and so are their columns (pairs with GEGLU): what threads read at a time lies in different banks.
  let lane = vec2<u32>(thread % 16u, thread / 16u);
# for j in range(TN)
  let col_${j} = lane.x * ${step}u + ${j % step + 16 * step * (j // step)}u;   // vec4 column of the tile
# endfor
# for i in range(TM)
# for j in range(TN)
  var sum_${i}_${j} = vec4<f32>();
# endfor
# endfor
