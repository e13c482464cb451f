// Four vec4s, all of which an invocation loads itself, where `share_quad` loads one; the interface is in lib/README.md.

alias Four = vec4u;

fn four_from(first: u32) -> Four {
  return first + vec4u(0u, 1u, 2u, 3u);
}

fn all_four(four: Four) -> vec4u {
  return four;
}

fn load_four(at: Four) -> mat4x4f {
  return mat4x4f(load_vec4(at.x), load_vec4(at.y), load_vec4(at.z), load_vec4(at.w));
}
