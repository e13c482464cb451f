// y(row, OFFSET + c) = x(row, c) for c < C: one launch for each tensor that is joined, in order.
//
// Where OFFSET is no multiple of 4 the lanes shift: a vec4 of y holds the end of one vec4 of x and the start
// of the next. Its first lanes may belong to the tensor before, which is already there and stays; lanes past
// the end of x become zero, for the tensor after or as y's padding.
//
// x         (ROWS, C)
// y         (ROWS, WIDTH), WIDTH ≥ OFFSET + C
// dispatch  one invocation a row and vec4 of y that x touches, ⌈(OFFSET % 4 + C) / 4⌉ a row
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
  let shift = OFFSET % 4u;
  let touched = (shift + C + 3u) / 4u;
  if (i >= ROWS * touched) {
    return;
  }
  let row = i / touched;
  let j = i % touched;
  let columns = pad4(C) / 4u;
  let at = row * (pad4(WIDTH) / 4u) + OFFSET / 4u + j;
  let here = select(vec4f(0.0), vec4f(x[row * columns + min(j, columns - 1u)]), j < columns);
  let before = vec4f(x[row * columns + max(j, 1u) - 1u]);
  var v = here;
  if (shift == 1u) {
    v = vec4f(before.w, here.xyz);
  } else if (shift == 2u) {
    v = vec4f(before.zw, here.xy);
  } else if (shift == 3u) {
    v = vec4f(before.yzw, here.x);
  }
  if (j == 0u && shift > 0u) {
    v = select(v, vec4f(y[at]), vec4u(0u, 1u, 2u, 3u) < vec4u(shift));
  }
  y[at] = y4(v);
}
