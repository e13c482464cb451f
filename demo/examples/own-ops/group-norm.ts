/**
 * Group norm: y = weight · (x − mean) / √(variance + EPS) + bias, with the statistics of each group of channels of each
 * image. Wu and He 2018. One invocation sums up a group: short, and for small maps; many share one sum in
 * shaders/norm/ of Webgraft.
 */
import { defineKernel, grid, nhwc, type Op, pad4, ShapeError, storedLength, type Tensor } from "webgraft";

const EPS = 1e-5;

// What all kernels share: x (ROWS, C) of PIXELS rows an image, GROUPS groups of SIZE channels, (mean, 1/σ) of each group.
const COMMON = /* wgsl */ `
  override LENGTH: u32;
  override PIXELS: u32;
  override C: u32;
  override GROUPS: u32;
  alias x1 = f32;
  @group(0) @binding(0) var<storage, read> x: array<x1>;
  fn width() -> u32 { return (C + 3) & ~3u; }
  fn group_at(row: u32, c: u32) -> u32 { return row / PIXELS * GROUPS + c / (C / GROUPS); }
  fn element(group: u32, i: u32) -> vec2u {  // row and channel of element i of a group
    let size = C / GROUPS;
    return vec2u(group / GROUPS * PIXELS + i / size, group % GROUPS * size + i % size);
  }`;

const statistics = defineKernel(
  /* wgsl */ `${COMMON}
  @group(0) @binding(1) var<storage, read_write> moments: array<vec4f>;

  @compute @workgroup_size(64)
  fn group_norm_statistics(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let group = id.y * groups.x * 64 + id.x;
    if (group >= LENGTH) { return; }
    let count = PIXELS * C / GROUPS;
    var mean = 0.0;
    for (var i = 0u; i < count; i++) { let at = element(group, i); mean += f32(x[at.x * width() + at.y]); }
    mean /= f32(count);
    var squares = 0.0;
    for (var i = 0u; i < count; i++) {
      let at = element(group, i);
      let difference = f32(x[at.x * width() + at.y]) - mean;
      squares += difference * difference;
    }
    moments[group] = vec4f(mean, inverseSqrt(squares / f32(count) + ${EPS}), 0, 0);
  }` as const,
);

const forward = defineKernel(
  /* wgsl */ `${COMMON}
  alias y1 = f32;
  @group(0) @binding(1) var<storage, read> moments: array<vec4f>;
  @group(0) @binding(2) var<storage, read> weight: array<f32>;
  @group(0) @binding(3) var<storage, read> bias: array<f32>;
  @group(0) @binding(4) var<storage, read_write> y: array<y1>;

  @compute @workgroup_size(64)
  fn group_norm(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64 + id.x;
    if (i >= LENGTH) { return; }
    let c = i % width();
    if (c >= C) { y[i] = y1(0); return; }
    let m = moments[group_at(i / width(), c)];
    y[i] = y1((f32(x[i]) - m.x) * m.y * weight[c] + bias[c]);
  }` as const,
);

// Of each group, the means of dy weight and of dy weight x̂.
const means = defineKernel(
  /* wgsl */ `${COMMON}
  alias dy1 = f32;
  @group(0) @binding(1) var<storage, read> moments: array<vec4f>;
  @group(0) @binding(2) var<storage, read> weight: array<f32>;
  @group(0) @binding(3) var<storage, read> dy: array<dy1>;
  @group(0) @binding(4) var<storage, read_write> sums: array<vec4f>;

  @compute @workgroup_size(64)
  fn group_norm_means(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let group = id.y * groups.x * 64 + id.x;
    if (group >= LENGTH) { return; }
    let count = PIXELS * C / GROUPS;
    let m = moments[group];
    var sum = vec2f(0);
    for (var i = 0u; i < count; i++) {
      let place = element(group, i);
      let at = place.x * width() + place.y;
      sum += f32(dy[at]) * weight[place.y] * vec2f(1, (f32(x[at]) - m.x) * m.y);
    }
    sums[group] = vec4f(sum / f32(count), 0, 0);
  }` as const,
);

const gradientOfX = defineKernel(
  /* wgsl */ `${COMMON}
  override ACCUMULATE: u32;
  alias dy1 = f32;
  alias dx1 = f32;
  @group(0) @binding(1) var<storage, read> moments: array<vec4f>;
  @group(0) @binding(2) var<storage, read> weight: array<f32>;
  @group(0) @binding(3) var<storage, read> dy: array<dy1>;
  @group(0) @binding(4) var<storage, read> sums: array<vec4f>;
  @group(0) @binding(5) var<storage, read_write> dx: array<dx1>;

  @compute @workgroup_size(64)
  fn group_norm_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64 + id.x;
    if (i >= LENGTH) { return; }
    let c = i % width();
    if (c >= C) { dx[i] = dx1(0); return; }
    let group = group_at(i / width(), c);
    let m = moments[group];
    let normal = (f32(x[i]) - m.x) * m.y;
    let v = m.y * (f32(dy[i]) * weight[c] - sums[group].x - normal * sums[group].y);
    dx[i] = dx1(v + select(0.0, f32(dx[i]), ACCUMULATE == 1));
  }` as const,
);

// dweight = Σ dy x̂ over all rows, or dbias = Σ dy: an invocation for each channel, padding included.
const gradientOfParameter = defineKernel(
  /* wgsl */ `${COMMON}
  override ROWS: u32;
  override OF_WEIGHT: u32;
  override ACCUMULATE: u32;
  alias dy1 = f32;
  @group(0) @binding(1) var<storage, read> moments: array<vec4f>;
  @group(0) @binding(2) var<storage, read> dy: array<dy1>;
  @group(0) @binding(3) var<storage, read_write> d: array<f32>;

  @compute @workgroup_size(64)
  fn group_norm_parameter(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let c = id.y * groups.x * 64 + id.x;
    if (c >= LENGTH) { return; }
    var sum = select(0.0, d[c], ACCUMULATE == 1);
    for (var row = 0u; row < ROWS && c < C; row++) {
      let m = moments[group_at(row, c)];
      let at = row * width() + c;
      sum += f32(dy[at]) * select(1.0, (f32(x[at]) - m.x) * m.y, OF_WEIGHT == 1);
    }
    d[c] = sum;
  }` as const,
);

type In = { x: Tensor; weight: Tensor; bias: Tensor };
type Out = { y: Tensor; moments: Tensor };

export const groupNormOp: Op<In, { readonly groups: number }, Out> = {
  name: "group_norm",
  infer({ x, weight, bias }, { groups }) {
    const [N, , , C] = nhwc("group_norm", x);
    const fits = [weight, bias].every(({ shape }) => shape.length === 1 && shape[0] === C);
    if (!fits || !(groups >= 1) || C % groups !== 0) {
      const given = `groups ${groups}, weight (${weight.shape.join()}), bias (${bias.shape.join()})`;
      throw new ShapeError("group_norm", `expects C=${C} weights and biases, divisible by groups`, given);
    }
    return { y: { shape: x.shape, dtype: x.storage.dtype }, moments: { shape: [N, groups, 4] } };
  },
  forward(emit, { inputs: { x, weight, bias }, attrs, outputs: { y, moments } }) {
    const shape = shapeOf(x, attrs.groups);
    const [groups, LENGTH] = [x.shape[0]! * attrs.groups, storedLength(x.shape)];
    emit.dispatch(statistics, { x, moments }, { LENGTH: groups, ...shape }, grid(groups, statistics));
    emit.dispatch(forward, { x, moments, weight, bias, y }, { LENGTH, ...shape }, grid(LENGTH, forward));
  },
  backward(emit, { inputs: { x, weight, bias }, attrs, outputs: { y, moments } }) {
    const shape = shapeOf(x, attrs.groups);
    const [groups, LENGTH] = [x.shape[0]! * attrs.groups, storedLength(x.shape)];
    const dy = emit.gradient(y);
    for (const [parameter, OF_WEIGHT] of [[weight, 1] as const, [bias, 0] as const]) {
      if (!emit.wants(parameter)) continue;
      const { tensor: d, accumulate: ACCUMULATE } = emit.into(parameter);
      const channels = pad4(shape.C);
      const constants = {
        LENGTH: channels,
        ...shape,
        ROWS: x.shape[0]! * shape.PIXELS,
        OF_WEIGHT,
        ACCUMULATE,
      };
      emit.dispatch(
        gradientOfParameter,
        { x, moments, dy, d },
        constants,
        grid(channels, gradientOfParameter),
      );
    }
    if (!emit.wants(x)) return;
    const sums = emit.temporary("sums", moments.shape);
    emit.dispatch(means, { x, moments, weight, dy, sums }, { LENGTH: groups, ...shape }, grid(groups, means));
    const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
    const constants = { LENGTH, ...shape, ACCUMULATE };
    emit.dispatch(gradientOfX, { x, moments, weight, dy, sums, dx }, constants, grid(LENGTH, gradientOfX));
  },
};

function shapeOf(x: Tensor, GROUPS: number) {
  const [, H, W, C] = nhwc("group_norm", x);
  return { PIXELS: H * W, C, GROUPS };
}

/** The layer: x, y (N, H, W, C), with `name.weight` and `name.bias` (C). */
export function groupNorm(x: Tensor, name: string, groups: number): Tensor {
  const C = x.shape.at(-1)!;
  const weight = x.graph.parameter(`${name}.weight`, [C], () => new Float32Array(C).fill(1), false);
  const bias = x.graph.parameter(`${name}.bias`, [C], () => new Float32Array(C), false);
  return x.graph.apply(groupNormOp, name, { x, weight, bias }, { groups }).y;
}
