// Rate of outer products in registers, 16 rows × 16 columns an invocation: c[i][j] += a[i] · b[j].
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
  var a2 = x[2];
  var a3 = x[3];
  let b0 = x[4];
  let b1 = x[5];
  let b2 = x[6];
  let b3 = x[7];
  var c00 = mat4x4f();
  var c01 = mat4x4f();
  var c02 = mat4x4f();
  var c03 = mat4x4f();
  var c10 = mat4x4f();
  var c11 = mat4x4f();
  var c12 = mat4x4f();
  var c13 = mat4x4f();
  var c20 = mat4x4f();
  var c21 = mat4x4f();
  var c22 = mat4x4f();
  var c23 = mat4x4f();
  var c30 = mat4x4f();
  var c31 = mat4x4f();
  var c32 = mat4x4f();
  var c33 = mat4x4f();
  for (var i = 0u; i < iterations; i++) {
    c00 += outer(a0, b0);
    c01 += outer(a0, b1);
    c02 += outer(a0, b2);
    c03 += outer(a0, b3);
    c10 += outer(a1, b0);
    c11 += outer(a1, b1);
    c12 += outer(a1, b2);
    c13 += outer(a1, b3);
    c20 += outer(a2, b0);
    c21 += outer(a2, b1);
    c22 += outer(a2, b2);
    c23 += outer(a2, b3);
    c30 += outer(a3, b0);
    c31 += outer(a3, b1);
    c32 += outer(a3, b2);
    c33 += outer(a3, b3);
    // The operands change, so that no product can be computed before the loop.
    a0 = a0.yzwx;
    a1 = a1.yzwx;
    a2 = a2.yzwx;
    a3 = a3.yzwx;
  }
  var sum = vec4f();
  sum += total(c00) + total(c01) + total(c02) + total(c03);
  sum += total(c10) + total(c11) + total(c12) + total(c13);
  sum += total(c20) + total(c21) + total(c22) + total(c23);
  sum += total(c30) + total(c31) + total(c32) + total(c33);
  y[id.x] = sum;
}
