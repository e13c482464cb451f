// Bandwidth of reading memory: each invocation sums 16 vec4s, neighbours beside neighbours.
//
// x         vec4s, more than a cache holds
// y         one sum for each invocation
// dispatch  one invocation for 16 vec4s

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = group.x * 1024u + lane;
  var sum = vec4f();
  for (var i = 0u; i < 1024u; i += 256u) {
    sum += x[at + i] + x[at + i + 64u] + x[at + i + 128u] + x[at + i + 192u];
  }
  y[group.x * 64u + lane] = sum;
}
