// partial[part,c] = Σ dy x, over the rows of a part where x is not positive: the gradient of the slopes, but for the sum of
// the parts, which is split_sum.
//
// x, dy     (ROWS, C)
// partial   (PARTS, C); padding lanes are zero
// dispatch  one invocation for each part and vec4 of channels; part p takes the rows p, p + PARTS, …
// numerics  two sequential f32 sums of ROWS / PARTS terms; tolerance 1e-6 √ROWS
// use: index, nan4

override ROWS: u32;
override C: u32;
override PARTS: u32;

alias x4 = vec4f;
alias dy4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read_write> partial: array<vec4f>;

fn term(at: u32) -> vec4f {
  let v = vec4f(x[at]);
  return or_nan4(select(v * vec4f(dy[at]), vec4f(0.0), v > vec4f(0.0)), v);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let columns = pad4(C) / 4u;
  let stride = PARTS * columns;
  if (i >= stride) {
    return;
  }
  let end = ROWS * columns;
  var sum = vec4f(0.0);
  var other = vec4f(0.0);
  var at = i;
  for (; at + stride < end; at += 2u * stride) {
    sum += term(at);
    other += term(at + stride);
  }
  if (at < end) {
    sum += term(at);
  }
  partial[i] = sum + other;
}
