// Cost of a dispatch: one invocation, which counts how often it ran.
//
// x         not read
// y         (1)
// dispatch  1

@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main() {
  y[0] += 1f;
}
