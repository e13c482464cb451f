// The live scalars: what changes from step to step without a new pipeline or bind group. The session
// writes this struct once a step.
struct Live {
  step: u32,            // 1 for the first optimizer step
  seed: u32,            // of the run; dropout masks are a hash of (seed, step, layer, element)
  learning_rate: f32,
  first: u32,           // the place in the batch of the first example: of a micro-batch, otherwise 0
  share: f32,           // of a micro-batch in the loss of the batch, otherwise 1
}
@group(1) @binding(0) var<uniform> live: Live;
