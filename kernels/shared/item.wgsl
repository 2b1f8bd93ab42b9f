// What one thread computes: 4 channels that lie together (VEC), or a single value where the sizes do not divide by 4.
// at: where an item lies in a binding that starts at element `base`.
# include "shared/store.wgsl"
# if VEC
alias Item = vec4<f32>;
fn at(item: u32, base: u32) -> u32 { return (item * 4u - base) / 4u; }
fn stored(v: Item) -> vec4<${Y}> { return to_${Y}(v); }
# else
alias Item = f32;
fn at(item: u32, base: u32) -> u32 { return item - base; }
fn stored(v: Item) -> ${Y} { return to_${Y}(vec4<f32>(v)).x; }
# endif
