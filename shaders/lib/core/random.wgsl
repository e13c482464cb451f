// Counter-based random numbers, the same bits as src/base/random.ts.
// pcg4d, Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020.

fn pcg4d(key: vec4u) -> vec4u {
  var v = key * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

// Uniform in [0, 1), 24 bits.
fn uniform4(bits: vec4u) -> vec4f {
  return vec4f(bits >> vec4u(8u)) * 5.9604644775390625e-8;
}
