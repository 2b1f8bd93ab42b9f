// The index of this workgroup when the host has folded a long grid into two dimensions.
fn workgroup_index(wg: vec3<u32>, groups: vec3<u32>) -> u32 {
  return wg.x + wg.y * groups.x;
}
