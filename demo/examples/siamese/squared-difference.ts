/** The squared difference as an op of your own: y = (a − b)². */
import { defineKernel, grid, type Op, ShapeError, storedLength, type Tensor } from "webgraft";

// An invocation for each vec4. The aliases let the tensors be f16 in mixed precision.
const forward = defineKernel(/* wgsl */ `
  override LENGTH: u32;
  alias a4 = vec4f;
  alias b4 = vec4f;
  alias y4 = vec4f;
  @group(0) @binding(0) var<storage, read> a: array<a4>;
  @group(0) @binding(1) var<storage, read> b: array<b4>;
  @group(0) @binding(2) var<storage, read_write> y: array<y4>;

  @compute @workgroup_size(64)
  fn squared_difference(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64 + id.x;
    if (i >= LENGTH) { return; }
    let d = vec4f(a[i]) - vec4f(b[i]);
    y[i] = y4(d * d);
  }`);

// da = 2 (a − b) dy, or da += … where other ops use a too. With a and b exchanged, it gives db.
const backward = defineKernel(/* wgsl */ `
  override LENGTH: u32;
  override ACCUMULATE: u32;
  alias a4 = vec4f;
  alias b4 = vec4f;
  alias dy4 = vec4f;
  alias da4 = vec4f;
  @group(0) @binding(0) var<storage, read> a: array<a4>;
  @group(0) @binding(1) var<storage, read> b: array<b4>;
  @group(0) @binding(2) var<storage, read> dy: array<dy4>;
  @group(0) @binding(3) var<storage, read_write> da: array<da4>;

  @compute @workgroup_size(64)
  fn squared_difference_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64 + id.x;
    if (i >= LENGTH) { return; }
    let slope = 2 * (vec4f(a[i]) - vec4f(b[i])) * vec4f(dy[i]);
    da[i] = da4(slope + select(vec4f(0), vec4f(da[i]), ACCUMULATE == 1));
  }`);

export const squaredDifferenceOp: Op<{ a: Tensor; b: Tensor }, object, { y: Tensor }> = {
  name: "squared_difference",
  infer({ a, b }) {
    const [given, other] = [a, b].map(({ shape }) => `(${shape.join(", ")})`);
    if (given !== other)
      throw new ShapeError("squared_difference", "a and b must have one shape", `${given}, ${other}`);
    return { y: { shape: a.shape, dtype: a.storage.dtype } };
  },
  forward(emit, { inputs: { a, b }, outputs: { y } }) {
    const LENGTH = storedLength(y.shape) / 4;
    emit.dispatch(forward, { a, b, y }, { LENGTH }, grid(LENGTH, forward));
  },
  backward(emit, { inputs: { a, b }, outputs: { y } }) {
    const LENGTH = storedLength(y.shape) / 4;
    const dy = emit.gradient(y);
    for (const [of, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (!emit.wants(of)) continue;
      const { tensor: da, accumulate: ACCUMULATE } = emit.into(of);
      emit.dispatch(backward, { a: of, b: other, dy, da }, { LENGTH, ACCUMULATE }, grid(LENGTH, backward));
    }
  },
};

/** The layer. a, b, y (…, C). */
export const squaredDifference = (a: Tensor, b: Tensor): Tensor =>
  a.graph.apply(squaredDifferenceOp, `${a.name}.squaredDifference`, { a, b }, {}).y;
