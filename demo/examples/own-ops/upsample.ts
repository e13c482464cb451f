/** Nearest upsampling by a whole factor: y[n, p, q, c] = x[n, ⌊p / F⌋, ⌊q / F⌋, c]. */
import { defineKernel, grid, nhwc, type Op, pad4, ShapeError, storedLength, type Tensor } from "webgraft";

// An invocation for each vec4 of y, which is COLUMNS vec4s a pixel and W · FACTOR pixels a line.
const forward = defineKernel(/* wgsl */ `
  override LENGTH: u32;
  override W: u32;
  override COLUMNS: u32;
  override FACTOR: u32;
  alias x4 = vec4f;
  alias y4 = vec4f;
  @group(0) @binding(0) var<storage, read> x: array<x4>;
  @group(0) @binding(1) var<storage, read_write> y: array<y4>;

  @compute @workgroup_size(64)
  fn upsample(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64 + id.x;
    if (i >= LENGTH) { return; }
    let pixel = i / COLUMNS;
    let line = pixel / (W * FACTOR) / FACTOR;
    let column = pixel % (W * FACTOR) / FACTOR;
    y[i] = y4(vec4f(x[(line * W + column) * COLUMNS + i % COLUMNS]));
  }`);

// dx sums up the FACTOR × FACTOR pixels that x was copied to: an invocation for each vec4 of dx.
const backward = defineKernel(/* wgsl */ `
  override LENGTH: u32;
  override W: u32;
  override COLUMNS: u32;
  override FACTOR: u32;
  override ACCUMULATE: u32;
  alias dy4 = vec4f;
  alias dx4 = vec4f;
  @group(0) @binding(0) var<storage, read> dy: array<dy4>;
  @group(0) @binding(1) var<storage, read_write> dx: array<dx4>;

  @compute @workgroup_size(64)
  fn upsample_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64 + id.x;
    if (i >= LENGTH) { return; }
    let pixel = i / COLUMNS;
    var sum = select(vec4f(0), vec4f(dx[i]), ACCUMULATE == 1);
    for (var r = 0u; r < FACTOR; r++) {
      for (var s = 0u; s < FACTOR; s++) {
        let at = (pixel / W * FACTOR + r) * W * FACTOR + pixel % W * FACTOR + s;
        sum += vec4f(dy[at * COLUMNS + i % COLUMNS]);
      }
    }
    dx[i] = dx4(sum);
  }`);

const constantsOf = (x: Tensor, FACTOR: number) => {
  const [, , W, C] = nhwc("upsample", x);
  return { W, COLUMNS: pad4(C) / 4, FACTOR };
};

export const upsampleOp: Op<{ x: Tensor }, { readonly factor: number }, { y: Tensor }> = {
  name: "upsample",
  infer({ x }, { factor }) {
    const [N, H, W, C] = nhwc("upsample", x);
    if (!Number.isInteger(factor) || factor < 1) {
      throw new ShapeError("upsample", "the factor must be a whole number, 1 or more", `got ${factor}`);
    }
    return { y: { shape: [N, H * factor, W * factor, C], dtype: x.storage.dtype } };
  },
  forward(emit, { inputs: { x }, attrs: { factor }, outputs: { y } }) {
    const LENGTH = storedLength(y.shape) / 4;
    emit.dispatch(forward, { x, y }, { LENGTH, ...constantsOf(x, factor) }, grid(LENGTH, forward));
  },
  backward(emit, { inputs: { x }, attrs: { factor }, outputs: { y } }) {
    const LENGTH = storedLength(x.shape) / 4;
    const dy = emit.gradient(y);
    const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
    const constants = { LENGTH, ...constantsOf(x, factor), ACCUMULATE };
    emit.dispatch(backward, { dy, dx }, constants, grid(LENGTH, backward));
  },
};

/** x (N, H, W, C) → (N, H·factor, W·factor, C). */
export const upsample = (x: Tensor, factor = 2): Tensor =>
  x.graph.apply(upsampleOp, `${x.name}.upsample`, { x }, { factor }).y;
