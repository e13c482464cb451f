// y(row, c) = x(row, c) for c < C, 0 for the other channels up to WIDTH.
//
// x         (ROWS, C); its padding, which is zero, is y's first zeros
// y         (ROWS, WIDTH), WIDTH ≥ C
// dispatch  one invocation a vec4 of y
// numerics  exact
// use: index

override ROWS: u32;
override C: u32;
override WIDTH: u32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> y: array<y4>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let width = pad4(WIDTH) / 4u;
  if (i >= ROWS * width) {
    return;
  }
  let columns = pad4(C) / 4u;
  let j = i % width;
  let v = vec4f(x[i / width * columns + min(j, columns - 1u)]);
  y[i] = y4(select(vec4f(0.0), v, j < columns));
}
