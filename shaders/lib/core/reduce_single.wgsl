// The interface of `reduce_workgroup` for workgroups of one invocation, which has nothing to wait for: a CPU compiles
// barriers several times as long as all the rest.

const REDUCE_SIZE = 1u;

fn reduce_sum(value: vec4f, local: u32) -> vec4f {
  return value;
}

fn reduce_argmax(candidate: vec2f, local: u32) -> vec2f {
  return candidate;
}
