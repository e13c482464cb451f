// A gradient scaled so that the global norm is at most MAX_NORM (0: not clipped).
// Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.

override MAX_NORM: f32 = 0.0;

fn clip(gradient: vec4f, norm: f32) -> vec4f {
  if (MAX_NORM > 0.0) {
    return gradient * min(1.0, MAX_NORM / (norm + 1e-6));
  }
  return gradient;
}
