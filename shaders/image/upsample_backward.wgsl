// dx = Σ dy, by their shares, over the places that come from this pixel in upsample_forward, or dx += ….
//
// dy        (N, P, Q, C)
// dx        (N, H, W, C), LENGTH vec4s; its padding is zero because that of dy is
// dispatch  one invocation a vec4 of dx
// numerics  sequential f32 sum; tolerance 1e-6 √(places of a pixel)
// use: index, upsample

override LENGTH: u32;
override C: u32;
override H: u32;
override W: u32;
override P: u32;
override Q: u32;
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
  let rows = outputs_of(h, H, P);
  let across = outputs_of(w, W, Q);
  var sum = vec4f(0.0);
  for (var p = rows.x; p < rows.y; p++) {
    let down = share_of(h, source_of(p, H, P));
    for (var q = across.x; q < across.y; q++) {
      let share = down * share_of(w, source_of(q, W, Q));
      sum += share * vec4f(dy[((n * P + p) * Q + q) * columns + i % columns]);
    }
  }
  if (ACCUMULATE == 1u) {
    sum += vec4f(dx[i]);
  }
  dx[i] = dx4(sum);
}
