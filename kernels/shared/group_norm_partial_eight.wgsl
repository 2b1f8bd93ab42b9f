// A tile is 8 channels of each thread, which walks down all rows: CPU drivers fetch what a load asks for in a loop over lanes and components.
// Loops end at their end: there one that asks at its beginning runs once more, with nothing to do.
# set TYPES = [X]
# set OUT = "none"
# include "shared/eight.wgsl"
# include "shared/channels_eight.wgsl"

fn tile_quads() -> u32 { return THREADS * 2u; }

fn sum_channels(thread: u32, row0: u32, rows: u32, tile0: u32) {
  let column = tile0 / 2u + thread;
  if column * 8u < p.c0 + p.c1 {
    // Shifted by the mean of some rows, from all over the segment: neighbours are alike, and the first value alone may be far off.
    let some = min(8u, rows);
# for half in ["low", "high"]
    var shift_${half} = vec4<f32>();
# endfor
    var s = 0u;
    loop {
      let v = load(row0 + s * rows / some, column);
# for half in ["low", "high"]
      shift_${half} += v.${half} / f32(some);
# endfor
      continuing {
        s++;
        break if s >= some;
      }
    }
# for half in ["low", "high"]
    var sum_${half} = vec4<f32>();
    var square_${half} = vec4<f32>();
# endfor
    var r = 0u;
    loop {
      let v = load(row0 + r, column);
# for half in ["low", "high"]
      let d_${half} = v.${half} - shift_${half};
      sum_${half} += d_${half};
      square_${half} = fma(d_${half}, d_${half}, square_${half});
# endfor
      continuing {
        r++;
        break if r >= rows;
      }
    }
# for half in ["low", "high"]
    let mean_${half} = sum_${half} / f32(rows);
    means[thread * 2u + ${loop.index0}u] = shift_${half} + mean_${half};
    squares[thread * 2u + ${loop.index0}u] = max(square_${half} - sum_${half} * mean_${half}, vec4<f32>());
# endfor
  }
}
