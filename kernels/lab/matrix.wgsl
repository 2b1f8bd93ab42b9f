// matrix: how many operations a second cooperative matrices of SIZE x SIZE in registers allow
//
// a      [STEPS, SIZE, SIZE]   OPERANDS: every second one is the one before it times -1, so that sums stay small
// b      [CHAINS, SIZE, SIZE]  OPERANDS
// c      [SIZE, SIZE]          SUM: where every chain begins
// y      [subgroups, SIZE, SIZE] SUM: the sum of a subgroup's chains
// count  [1] u32: subgroups that ran; how many a workgroup has is for the driver to say
//
// CHAINS products c[i] = c[i] + a[s] b[i] that do not depend on each other, for every s in turn without a loop, and a[0] once more at the
// end. No two products of a round are of the same matrices: what a compiler could compute once and use again would not be measured.
// Operations of a subgroup: 2 SIZE^3 per chain and step.

enable wgpu_cooperative_matrix;

struct Params {
  rounds: u32,     // rounds of STEPS steps; one step more follows
  subgroups: u32,  // subgroups of a workgroup
}

alias Left = coop_mat${SIZE}x${SIZE}<${OPERANDS}, A>;
alias Right = coop_mat${SIZE}x${SIZE}<${OPERANDS}, B>;
alias Sum = coop_mat${SIZE}x${SIZE}<${SUM}, C>;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<${OPERANDS}>;
@group(0) @binding(2) var<storage, read> b: array<${OPERANDS}>;
@group(0) @binding(3) var<storage, read> c: array<${SUM}>;
@group(0) @binding(4) var<storage, read_write> y: array<${SUM}>;
@group(0) @binding(5) var<storage, read_write> count: array<atomic<u32>>;

# include "shared/grid.wgsl"

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32) {
# for s in range(STEPS)
  let a_${s} = coopLoadT<Left>(&a[${s * SIZE * SIZE}], ${SIZE}u);
# endfor
# for i in range(CHAINS)
  let b_${i} = coopLoadT<Right>(&b[${i * SIZE * SIZE}], ${SIZE}u);
  var c_${i} = coopLoadT<Sum>(&c[0], ${SIZE}u);
# endfor
  for (var round = 0u; round < p.rounds; round++) {
# for s in range(STEPS)
# for i in range(CHAINS)
    c_${i} = coopMultiplyAdd(a_${s}, b_${i}, c_${i});
# endfor
# endfor
  }
# for i in range(CHAINS)
  c_${i} = coopMultiplyAdd(a_0, b_${i}, c_${i});
# endfor
# for i in range(1, CHAINS)
  c_0 = c_0 + c_${i};
# endfor
  let tile = workgroup_index(wg, groups) * p.subgroups + subgroup;
  coopStoreT(c_0, &y[tile * ${SIZE * SIZE}u], ${SIZE}u);
  if lane == 0u { atomicAdd(&count[0], 1u); }
}
