// Rate of multiply-adds in registers: eight independent chains c = c · a + b of vec4s.
//
// x         a, b, and where the chains start
// y         one sum of the chains for each invocation, which keeps them from being removed
// dispatch  one invocation for each element of y

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> iterations: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = x[0];
  let b = x[1];
  let start = x[2];
  var c0 = start;
  var c1 = start + b;
  var c2 = start + b * 2f;
  var c3 = start + b * 3f;
  var c4 = start + b * 4f;
  var c5 = start + b * 5f;
  var c6 = start + b * 6f;
  var c7 = start + b * 7f;
  for (var i = 0u; i < iterations; i++) {
    c0 = c0 * a + b;
    c1 = c1 * a + b;
    c2 = c2 * a + b;
    c3 = c3 * a + b;
    c4 = c4 * a + b;
    c5 = c5 * a + b;
    c6 = c6 * a + b;
    c7 = c7 * a + b;
  }
  y[id.x] = c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7;
}
