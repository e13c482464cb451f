// Merges the parts of batch_norm_statistics, or those that a convolution leaves (lib/norm/norm_between), into the mean and
// biased variance of the batch, and moves the running statistics towards them:
//
//   variance     = M2 / ROWS
//   running_mean = (1 − MOMENTUM) running_mean + MOMENTUM mean
//   running_var  = (1 − MOMENTUM) running_var  + MOMENTUM M2 / (ROWS − 1)
//
// x             (1, C), row 0 of what the statistics are of: the means in `partial` are relative to it
// partial       (2, PARTS, C)
// PART_ROWS     0, or the rows of each part but the last, if a part's rows follow each other; then its mean is not
//               relative to x, which is only to be a row near the mean, to subtract before rounding
// mean, variance, running_mean, running_var  (C); ROWS ≥ 2
// entries       main; single, without barriers, which a CPU takes longer to compile and to run than the sum
// dispatch      LANES invocations, a power of two up to 64, a vec4 of channels; single: one
// numerics      Chan's formula in a fixed order: each invocation in sequence, then a tree
// source        Ioffe and Szegedy, "Batch Normalization", 2015
// use: index

override MOMENTUM: f32;

struct Args {
  ROWS: u32,
  C: u32,
  PARTS: u32,
  PART_ROWS: u32,
  LANES: u32,
}

struct Moments {
  count: f32,
  mean: vec4f,
  m2: vec4f,
}

alias x4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> partial: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> mean: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> variance: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> running_mean: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> running_var: array<vec4f>;
@group(0) @binding(6) var<uniform> args: Args;

var<workgroup> shared_moments: array<Moments, 64>;

fn merge(a: Moments, b: Moments) -> Moments {
  let count = a.count + b.count;
  let weight = b.count / max(count, 1.0);  // both are empty in invocations without a part
  let delta = b.mean - a.mean;
  return Moments(count, a.mean + weight * delta, a.m2 + b.m2 + delta * delta * (a.count * weight));
}

// What `lanes` invocations, of which this is number `lane`, merge of the parts of a vec4 of channels.
fn merge_parts(column: u32, columns: u32, lane: u32, lanes: u32) -> Moments {
  var all = Moments(0.0, vec4f(0.0), vec4f(0.0));
  for (var part = lane; part < args.PARTS && column < columns; part += lanes) {
    let at = part * columns + column;
    var rows = args.ROWS / args.PARTS + select(0u, 1u, part < args.ROWS % args.PARTS);
    var mean = partial[at];
    if (args.PART_ROWS > 0u) {
      rows = min(args.PART_ROWS, args.ROWS - part * args.PART_ROWS);
      mean -= vec4f(x[column]);
    }
    all = merge(all, Moments(f32(rows), mean, partial[args.PARTS * columns + at]));
  }
  return all;
}

fn finish(column: u32, all: Moments) {
  let batch_mean = vec4f(x[column]) + all.mean;
  mean[column] = batch_mean;
  variance[column] = all.m2 / f32(args.ROWS);
  running_mean[column] = mix(running_mean[column], batch_mean, vec4f(MOMENTUM));
  running_var[column] = mix(running_var[column], all.m2 / f32(args.ROWS - 1u), vec4f(MOMENTUM));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let wide = 64u / args.LANES;  // channel vec4s of a workgroup
  let column = group.x * wide + local % wide;
  let columns = pad4(args.C) / 4u;
  var all = merge_parts(column, columns, local / wide, args.LANES);
  shared_moments[local] = all;
  for (var width = args.LANES / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (local < width * wide) {
      all = merge(all, shared_moments[local + width * wide]);
      shared_moments[local] = all;
    }
  }
  if (local < wide && column < columns) {
    finish(column, all);
  }
}

@compute @workgroup_size(64)
fn single(@builtin(global_invocation_id) id: vec3u) {
  let columns = pad4(args.C) / 4u;
  if (id.x < columns) {
    finish(id.x, merge_parts(id.x, columns, 0u, 1u));
  }
}
