// db = Σ over the channels of dy a, or db += …: the gradient of a factor for each pixel.
//
// a, dy     (PIXELS, C), PIXELS of all images
// db        (PIXELS, 1)
// dispatch  one invocation a pixel
// numerics  four sequential f32 sums; tolerance 1e-6 √C
// use: index

override PIXELS: u32;
override C: u32;
override ACCUMULATE: u32;

alias a4 = vec4f;
alias dy4 = vec4f;
alias db4 = vec4f;

@group(0) @binding(0) var<storage, read> a: array<a4>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read_write> db: array<db4>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let pixel = linear_id(group, groups, local, 64u);
  if (pixel >= PIXELS) {
    return;
  }
  let columns = pad4(C) / 4u;
  var sum = vec4f(0.0);
  for (var at = pixel * columns; at < (pixel + 1u) * columns; at++) {
    sum += vec4f(a[at]) * vec4f(dy[at]);
  }
  var v = vec4f((sum.x + sum.y) + (sum.z + sum.w), 0.0, 0.0, 0.0);
  if (ACCUMULATE == 1u) {
    v += vec4f(db[pixel]);
  }
  db[pixel] = db4(v);
}
