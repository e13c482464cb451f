// Rate of multiply-adds in registers: eight independent chains c = c · a + b, few enough for the registers of a CPU.
//
// x         (a, b, 0, 0), and where the chains start
// y         one sum of the chains for each invocation, which keeps them from being removed
// dispatch  one invocation for each element of y

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> iterations: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = x[0].x;
  let b = x[0].y;
  var c0 = x[1];
  var c1 = x[1] + b;
  for (var i = 0u; i < iterations; i++) {
    c0 = c0 * a + b;
    c1 = c1 * a + b;
    c0 = c0 * a + b;
    c1 = c1 * a + b;
    c0 = c0 * a + b;
    c1 = c1 * a + b;
    c0 = c0 * a + b;
    c1 = c1 * a + b;
  }
  y[id.x] = c0 + c1;
}
