// Arenas of parameters are in blocks of 16 vec4s, each of one group. Four invocations share one, and each takes every
// fourth vec4 from its first on: enough work for an invocation, and neighbours still load what lies side by side.

fn first_in_block(invocation: u32) -> u32 {
  return invocation / 4u * 16u + invocation % 4u;
}
