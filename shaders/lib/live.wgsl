// The live scalars: what changes from step to step without a new pipeline or bind group. The session
// writes this struct once a step.
struct Live {
  step: u32,            // 1 for the first optimizer step
  seed: u32,            // of the run; dropout masks are a hash of (seed, step, layer, element)
  learning_rate: f32,
}
@group(1) @binding(0) var<uniform> live: Live;
