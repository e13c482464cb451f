// dx = channels OFFSET … OFFSET + C − 1 of dy, or dx += …: the slice that concat_forward wrote.
//
// dy        (ROWS, WIDTH), WIDTH ≥ OFFSET + C
// dx        (ROWS, C)
// dispatch  one invocation a vec4 of dx
// numerics  exact, or one f32 addition
// use: index, lane_mask

override ROWS: u32;
override C: u32;
override OFFSET: u32;
override WIDTH: u32;
override ACCUMULATE: u32;

alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> dy: array<dy4>;
@group(0) @binding(1) var<storage, read_write> dx: array<dx4>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let columns = pad4(C) / 4u;
  if (i >= ROWS * columns) {
    return;
  }
  let width = pad4(WIDTH) / 4u;
  let line = i / columns * width;
  let j = OFFSET / 4u + i % columns;
  let shift = OFFSET % 4u;
  var v = vec4f(dy[line + j]);
  if (shift != 0u) {
    let next = vec4f(dy[line + min(j + 1u, width - 1u)]);
    if (shift == 1u) {
      v = vec4f(v.yzw, next.x);
    } else if (shift == 2u) {
      v = vec4f(v.zw, next.xy);
    } else {
      v = vec4f(v.w, next.xyz);
    }
  }
  v = select(vec4f(0.0), v, lane_mask(i % columns, C));
  if (ACCUMULATE == 1u) {
    v += vec4f(dx[i]);
  }
  dx[i] = dx4(v);
}
