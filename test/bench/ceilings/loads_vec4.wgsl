// Rate of loads of vec4s: each invocation sums elements `BY_STEP` apart, from BY_INVOCATION times its number on.
// BY_INVOCATION 0: all of them load the same; 1: neighbours load neighbours; more: each has a row of its own.
//
// x         MASK + 1 + 8 · BY_STEP elements, which may stay in a cache
// y         one sum for each invocation
// dispatch  one invocation for each element of y

override BY_INVOCATION: u32;
override BY_STEP: u32;
override MASK: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> iterations: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var at = (id.x * BY_INVOCATION) & MASK;
  var even = vec4f();
  var odd = vec4f();
  for (var i = 0u; i < iterations; i++) {
    even += x[at];
    odd += x[at + BY_STEP];
    even += x[at + BY_STEP * 2u];
    odd += x[at + BY_STEP * 3u];
    even += x[at + BY_STEP * 4u];
    odd += x[at + BY_STEP * 5u];
    even += x[at + BY_STEP * 6u];
    odd += x[at + BY_STEP * 7u];
    at = (at + BY_STEP * 8u) & MASK;
  }
  y[id.x] = even + odd;
}
