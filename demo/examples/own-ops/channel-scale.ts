/** A factor for each channel of each image, y = x · s, and squeeze-and-excitation with it. Hu et al. 2018. */
import {
  defineKernel,
  dense,
  globalAvgPool,
  grid,
  nhwc,
  type Op,
  pad4,
  relu,
  ShapeError,
  sigmoid,
  storedLength,
  type Tensor,
} from "webgraft";

// y = x s, and dx = dy s by the same kernel.
const scale = defineKernel(/* wgsl */ `
  override LENGTH: u32;
  override PIXELS: u32;
  override COLUMNS: u32;
  override ACCUMULATE: u32;
  alias x4 = vec4f;
  alias s4 = vec4f;
  alias y4 = vec4f;
  @group(0) @binding(0) var<storage, read> x: array<x4>;
  @group(0) @binding(1) var<storage, read> s: array<s4>;
  @group(0) @binding(2) var<storage, read_write> y: array<y4>;

  @compute @workgroup_size(64)
  fn channel_scale(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64 + id.x;
    if (i >= LENGTH) { return; }
    let image = i / COLUMNS / PIXELS;
    let v = vec4f(x[i]) * vec4f(s[image * COLUMNS + i % COLUMNS]);
    y[i] = y4(v + select(vec4f(0), vec4f(y[i]), ACCUMULATE == 1));
  }`);

// ds = Σ over the pixels of an image of dy x: an invocation for each vec4 of s.
const gradient = defineKernel(/* wgsl */ `
  override LENGTH: u32;
  override PIXELS: u32;
  override COLUMNS: u32;
  override ACCUMULATE: u32;
  alias x4 = vec4f;
  alias dy4 = vec4f;
  alias ds4 = vec4f;
  @group(0) @binding(0) var<storage, read> x: array<x4>;
  @group(0) @binding(1) var<storage, read> dy: array<dy4>;
  @group(0) @binding(2) var<storage, read_write> ds: array<ds4>;

  @compute @workgroup_size(64)
  fn channel_scale_gradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64 + id.x;
    if (i >= LENGTH) { return; }
    let first = i / COLUMNS * PIXELS * COLUMNS + i % COLUMNS;
    var sum = select(vec4f(0), vec4f(ds[i]), ACCUMULATE == 1);
    for (var p = 0u; p < PIXELS; p++) {
      sum += vec4f(x[first + p * COLUMNS]) * vec4f(dy[first + p * COLUMNS]);
    }
    ds[i] = ds4(sum);
  }`);

const constantsOf = (x: Tensor, of: Tensor) => {
  const [, H, W, C] = nhwc("channel_scale", x);
  return { LENGTH: storedLength(of.shape) / 4, PIXELS: H * W, COLUMNS: pad4(C) / 4 };
};

export const channelScaleOp: Op<{ x: Tensor; s: Tensor }, object, { y: Tensor }> = {
  name: "channel_scale",
  infer({ x, s }) {
    const [N, , , C] = nhwc("channel_scale", x);
    if (s.shape.join() !== [N, C].join()) {
      throw new ShapeError("channel_scale", `expects s of (${N}, ${C})`, `got (${s.shape.join(", ")})`);
    }
    return { y: { shape: x.shape, dtype: x.storage.dtype } };
  },
  forward(emit, { inputs: { x, s }, outputs: { y } }) {
    const constants = { ...constantsOf(x, y), ACCUMULATE: 0 };
    emit.dispatch(scale, { x, s, y }, constants, grid(constants.LENGTH, scale));
  },
  backward(emit, { inputs: { x, s }, outputs: { y } }) {
    const dy = emit.gradient(y);
    if (emit.wants(x)) {
      const { tensor, accumulate: ACCUMULATE } = emit.into(x);
      const constants = { ...constantsOf(x, x), ACCUMULATE };
      emit.dispatch(scale, { x: dy, s, y: tensor }, constants, grid(constants.LENGTH, scale));
    }
    if (emit.wants(s)) {
      const { tensor: ds, accumulate: ACCUMULATE } = emit.into(s);
      const constants = { ...constantsOf(x, s), ACCUMULATE };
      emit.dispatch(gradient, { x, dy, ds }, constants, grid(constants.LENGTH, gradient));
    }
  },
};

/** x (N, H, W, C) with each channel weighted by what the whole image says of it. */
export function squeezeExcite(x: Tensor, name: string, reduction = 4): Tensor {
  const C = x.shape.at(-1)!;
  const squeezed = dense(globalAvgPool(x), `${name}.fc1`, {
    outFeatures: Math.max(1, Math.floor(C / reduction)),
  });
  const s = sigmoid(dense(relu(squeezed), `${name}.fc2`, { outFeatures: C }));
  return x.graph.apply(channelScaleOp, name, { x, s }, {}).y;
}
