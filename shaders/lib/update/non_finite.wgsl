// Tells the host of numbers that are not finite in an update: raises flags in the kernel's binding `non_finite`, whose
// words src/optimizers/optimizer.ts names. Nothing is written while all are finite.
// use: nan

const GRADIENTS = 0u;
const WEIGHTS = 1u;

// The largest bits without the sign so far: of gradients, and of what the update makes of weights and moments.
var<private> gradient_bits: vec4u;
var<private> weight_bits: vec4u;

fn look_at_gradient(g: vec4f) {
  gradient_bits = max(gradient_bits, bitcast<vec4u>(g) & vec4u(0x7fffffffu));
}

fn look_at_weight(p: vec4f) {
  weight_bits = max(weight_bits, bitcast<vec4u>(p) & vec4u(0x7fffffffu));
}

fn raise_flags() {
  if (any(gradient_bits >= vec4u(INFINITY))) {
    atomicStore(&non_finite[GRADIENTS], 1u);
  }
  if (any(weight_bits >= vec4u(INFINITY))) {
    atomicStore(&non_finite[WEIGHTS], 1u);
  }
}
