// dx = Σ dy f'(z) over the windows whose maximum z is this pixel, or dx += …; the sign of y = f(z) tells f'(z).
//
// Gathered: each pixel walks the windows that hold it and compares its place in them with the stored cell, so
// overlapping windows need no atomics and the order of the sum is fixed.
//
// index     (N, P, Q, C / 4), as max_pool2d_forward wrote it
// y, dy     (N, P, Q, C); y is read only where there is an f
// dx        (N, H, W, C), LENGTH vec4s; its padding is zero because that of dy is
// dispatch  one invocation a vec4 of dx
// numerics  f32 sum of at most one term a window; tolerance 1e-6
// use: index, pool, activation

override LENGTH: u32;
override C: u32;
override ACCUMULATE: u32;

alias y4 = vec4f;
alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read> y: array<y4>;
@group(0) @binding(2) var<storage, read> dy: array<dy4>;
@group(0) @binding(3) var<storage, read_write> dx: array<dx4>;

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
    let r = h + PAD_TOP - p * STRIDE_H;
    for (var q = across.x; q < across.y; q++) {
      let cell = r * KERNEL_W + w + PAD_LEFT - q * STRIDE_W;
      let at = ((n * P + p) * Q + q) * columns + i % columns;
      let chosen = (vec4u(index[at]) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
      sum += select(vec4f(0.0), vec4f(dy[at]) * activate_gradient_at_output(vec4f(y[at])), chosen == vec4u(cell));
    }
  }
  if (ACCUMULATE == 1u) {
    sum += vec4f(dx[i]);
  }
  dx[i] = dx4(sum);
}
