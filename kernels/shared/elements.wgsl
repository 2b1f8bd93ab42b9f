// Arrays in workgroup memory that matrices are loaded from and stored to: ARRAYS has the name, type and number of values of each. An element has UNIT
// values: 4; 1 on Metal, whose matrices are loaded from scalars only. load_NAME and store_NAME take 4 values from element `at` on.
# for name, type, values in ARRAYS
var<workgroup> ${name}: array<${"vec4<" ~ type ~ ">" if UNIT == 4 else type}, ${values // UNIT}>;

fn load_${name}(at: u32) -> vec4<${type}> {
# if UNIT == 4
  return ${name}[at];
# else
  return vec4<${type}>(${name}[at], ${name}[at + 1u], ${name}[at + 2u], ${name}[at + 3u]);
# endif
}

fn store_${name}(at: u32, v: vec4<${type}>) {
# if UNIT == 4
  ${name}[at] = v;
# else
# for i in range(4)
  ${name}[at + ${i}u] = v[${i}];
# endfor
# endif
}

# endfor
