// y = WEIGHT x, or y += WEIGHT x, of the first numbers alone: means of losses, or their gradients.
//
// x, y      (k); the rest of y's first vec4 becomes zero
// dispatch  one invocation
// numerics  tolerance 1 ulp an operation

override WEIGHT: f32;
override ACCUMULATE: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(1)
fn main() {
  y[0] = vec4f(WEIGHT * x[0].x + select(0.0, y[0].x, ACCUMULATE == 1u), 0.0, 0.0, 0.0);
}
