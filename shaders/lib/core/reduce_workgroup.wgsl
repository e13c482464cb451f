// Reductions over a workgroup of 64 invocations, as a tree in a fixed order, so that a run repeats bit for
// bit. Every invocation of the workgroup must call them, and every one gets the result.

const REDUCE_SIZE = 64u;
var<workgroup> reduce_scratch: array<vec4f, 64>;

// The sum of `value` over the workgroup.
fn reduce_sum(value: vec4f, local: u32) -> vec4f {
  reduce_scratch[local] = value;
  for (var reach = 32u; reach > 0u; reach >>= 1u) {
    workgroupBarrier();
    if (local < reach) {
      reduce_scratch[local] += reduce_scratch[local + reach];
    }
  }
  workgroupBarrier();
  let sum = reduce_scratch[0];
  workgroupBarrier();  // the next reduction overwrites the scratch
  return sum;
}

// (value, index) of the largest value, the smallest index where several are equal. Indices up to 2^24.
fn reduce_argmax(candidate: vec2f, local: u32) -> vec2f {
  reduce_scratch[local] = vec4f(candidate, 0.0, 0.0);
  for (var reach = 32u; reach > 0u; reach >>= 1u) {
    workgroupBarrier();
    if (local < reach) {
      let mine = reduce_scratch[local];
      let other = reduce_scratch[local + reach];
      if (other.x > mine.x || (other.x == mine.x && other.y < mine.y)) {
        reduce_scratch[local] = other;
      }
    }
  }
  workgroupBarrier();
  let best = reduce_scratch[0].xy;
  workgroupBarrier();
  return best;
}
