// Four vec4s that every invocation loads itself; the interface is described in quad.

alias Four = vec4u;

fn four_from(first: u32) -> Four {
  return first + vec4u(0u, 1u, 2u, 3u);
}

fn all_four(four: Four) -> vec4u {
  return four;
}

fn load_four(at: Four) -> mat4x4f {
  return mat4x4f(load_shared(at.x), load_shared(at.y), load_shared(at.z), load_shared(at.w));
}
