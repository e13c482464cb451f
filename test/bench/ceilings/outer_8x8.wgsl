// Rate of outer products in registers, 8 rows × 8 columns an invocation: c[i][j] += a[i] · b[j].
//
// x         a, then b, four a vec4
// y         one sum of c for each invocation: iterations · Σa · (b[0..3] + b[4..7] + …)
// dispatch  one invocation for each element of y

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> iterations: u32;

fn outer(a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(b * a.x, b * a.y, b * a.z, b * a.w);
}

fn total(c: mat4x4f) -> vec4f {
  return c[0] + c[1] + c[2] + c[3];
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var a0 = x[0];
  var a1 = x[1];
  let b0 = x[2];
  let b1 = x[3];
  var c00 = mat4x4f();
  var c01 = mat4x4f();
  var c10 = mat4x4f();
  var c11 = mat4x4f();
  for (var i = 0u; i < iterations; i++) {
    c00 += outer(a0, b0);
    c01 += outer(a0, b1);
    c10 += outer(a1, b0);
    c11 += outer(a1, b1);
    // The operands change, so that no product can be computed before the loop.
    a0 = a0.yzwx;
    a1 = a1.yzwx;
  }
  y[id.x] = total(c00) + total(c01) + total(c10) + total(c11);
}
