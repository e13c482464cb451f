// What PReLU multiplies negative values by: `weight`, which the kernel binds, has one slope a channel, or where SHARED is 1 one
// for all.

override SHARED: u32;

// The slopes of vec4 number `column` of the channels.
fn negative_slope(column: u32) -> vec4f {
  if (SHARED == 1u) {
    return vec4f(weight[0].x);
  }
  return weight[column];
}
