// y(row, OFFSET + c) = x(row, c) for c < C, 0 for the other channels up to WIDTH.
//
// Where OFFSET is no multiple of 4 the lanes shift, as in concat_forward.
//
// x         (ROWS, C); its padding, which is zero, is the first zeros after it
// y         (ROWS, WIDTH), WIDTH ≥ OFFSET + C
// dispatch  one invocation a vec4 of y
// numerics  exact
// use: index

override ROWS: u32;
override C: u32;
override OFFSET: u32;
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
  let line = i / width * columns;
  let j = i % width - OFFSET / 4u;  // in x; before it, a number beyond its end
  let shift = OFFSET % 4u;
  var v = select(vec4f(0.0), vec4f(x[line + min(j, columns - 1u)]), j < columns);
  if (shift != 0u) {
    let before = select(vec4f(0.0), vec4f(x[line + min(j - 1u, columns - 1u)]), j - 1u < columns);
    if (shift == 1u) {
      v = vec4f(before.w, v.xyz);
    } else if (shift == 2u) {
      v = vec4f(before.zw, v.xy);
    } else {
      v = vec4f(before.yzw, v.x);
    }
  }
  y[i] = y4(v);
}
