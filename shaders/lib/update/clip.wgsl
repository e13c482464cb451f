// A gradient scaled so that the global norm is at most MAX_NORM (0: not clipped). By a norm that is not finite nothing
// can be scaled: the update is skipped then, and the flag for gradients raised.
// Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.
// use: non_finite

override MAX_NORM: f32 = 0.0;

fn clip(gradient: vec4f, norm: f32) -> vec4f {
  if (MAX_NORM > 0.0) {
    return gradient * min(1.0, MAX_NORM / (norm + 1e-6));
  }
  return gradient;
}

fn can_clip(norm: f32) -> bool {
  if (MAX_NORM > 0.0 && !is_finite(norm)) {
    atomicStore(&non_finite[GRADIENTS], 1u);
    return false;
  }
  return true;
}
