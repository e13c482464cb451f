// Bandwidth of copying memory: each invocation copies 4 vec4s, neighbours beside neighbours.
//
// x, y      vec4s, more than a cache holds
// dispatch  one invocation for 4 vec4s

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = group.x * 256u + lane;
  y[at] = x[at];
  y[at + 64u] = x[at + 64u];
  y[at + 128u] = x[at + 128u];
  y[at + 192u] = x[at + 192u];
}
