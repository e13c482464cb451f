// dx = Σ dy / cells over the windows that hold this pixel, or dx += …; cells as in avg_pool2d_forward.
//
// dy        (N, P, Q, C)
// dx        (N, H, W, C), LENGTH vec4s; its padding is zero because that of dy is
// dispatch  one invocation a vec4 of dx
// numerics  sequential f32 sum of one term a window; tolerance 1e-6
// use: index, pool_cells

override LENGTH: u32;
override C: u32;
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
  if (i >= LENGTH) {
    return;
  }
  let columns = pad4(C) / 4u;
  let w = i / columns % W;
  let h = i / (columns * W) % H;
  let n = i / (columns * W * H);
  let rows = windows_around(h, KERNEL_H, STRIDE_H, PAD_TOP, P);
  let across = windows_around(w, KERNEL_W, STRIDE_W, PAD_LEFT, Q);

  var sum = vec4f(0.0);
  for (var p = rows.x; p < rows.y; p++) {
    for (var q = across.x; q < across.y; q++) {
      sum += vec4f(dy[((n * P + p) * Q + q) * columns + i % columns]) / cells_counted(p, q);
    }
  }
  if (ACCUMULATE == 1u) {
    sum += vec4f(dx[i]);
  }
  dx[i] = dx4(sum);
}
