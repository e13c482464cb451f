/** Hard-swish as an op of your own: y = x · clamp(x + 3, 0, 6) / 6. Howard et al., "Searching for MobileNetV3", 2019. */
import { defineKernel, grid, type Op, storedLength, type Tensor } from "webgraft";

// An invocation for each vec4. The aliases let x and y be f16 in mixed precision.
const forward = defineKernel(/* wgsl */ `
  override LENGTH: u32;
  alias x4 = vec4f;
  alias y4 = vec4f;
  @group(0) @binding(0) var<storage, read> x: array<x4>;
  @group(0) @binding(1) var<storage, read_write> y: array<y4>;

  @compute @workgroup_size(64)
  fn hard_swish(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64 + id.x;
    if (i >= LENGTH) { return; }
    let v = vec4f(x[i]);
    y[i] = y4(v * clamp(v + 3, vec4f(0), vec4f(6)) / 6);
  }`);

// dx = dy · f'(x), or dx += … where other ops use x too.
const backward = defineKernel(/* wgsl */ `
  override LENGTH: u32;
  override ACCUMULATE: u32;
  alias x4 = vec4f;
  alias dy4 = vec4f;
  alias dx4 = vec4f;
  @group(0) @binding(0) var<storage, read> x: array<x4>;
  @group(0) @binding(1) var<storage, read> dy: array<dy4>;
  @group(0) @binding(2) var<storage, read_write> dx: array<dx4>;

  @compute @workgroup_size(64)
  fn hard_swish_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64 + id.x;
    if (i >= LENGTH) { return; }
    let v = vec4f(x[i]);
    let slope = select(select((2 * v + 3) / 6, vec4f(1), v > vec4f(3)), vec4f(0), v < vec4f(-3));
    dx[i] = dx4(vec4f(dy[i]) * slope + select(vec4f(0), vec4f(dx[i]), ACCUMULATE == 1));
  }`);

export const hardSwishOp: Op<{ x: Tensor }, object, { y: Tensor }> = {
  name: "hard_swish",
  infer: ({ x }) => ({ y: { shape: x.shape, dtype: x.storage.dtype } }),
  forward(emit, { inputs: { x }, outputs: { y } }) {
    const LENGTH = storedLength(x.shape) / 4;
    emit.dispatch(forward, { x, y }, { LENGTH }, grid(LENGTH, forward));
  },
  backward(emit, { inputs: { x }, outputs: { y } }) {
    const LENGTH = storedLength(x.shape) / 4;
    const dy = emit.gradient(y);
    const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
    emit.dispatch(backward, { x, dy, dx }, { LENGTH, ACCUMULATE }, grid(LENGTH, backward));
  },
};

/** The layer. x, y (…, C). */
export const hardSwish = (x: Tensor): Tensor =>
  x.graph.apply(hardSwishOp, `${x.name}.hardSwish`, { x }, {}).y;
