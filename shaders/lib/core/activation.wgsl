// Activations by number, with the derivative at the input z. The library takes names and numbers from the constants
// below: all whole-number constants of this file are activations.
// The switch is over an override constant, so a pipeline holds only the branch it uses. NaN gives NaN.
//
// GELU: Hendrycks and Gimpel 2016, exact form z Φ(z) and the tanh approximation.
// erf: Abramowitz and Stegun 7.1.26, |error| < 1.5e-7.
// use: nan4, log1p

override ACTIVATION: u32 = 0;
override ALPHA: f32 = 0.0;  // slope of leaky ReLU, scale of ELU, least value of hardtanh
override BETA: f32 = 0.0;   // largest value of hardtanh, which is no clamp: that is an error where others have ALPHA > BETA

const IDENTITY = 0u;
const RELU = 1u;
const LEAKY_RELU = 2u;
const ELU = 3u;
const GELU = 4u;
const GELU_TANH = 5u;
const SILU = 6u;
const TANH = 7u;
const SIGMOID = 8u;
const HARDSWISH = 9u;
const RELU6 = 10u;
const HARDSIGMOID = 11u;
const SOFTPLUS = 12u;
const HARDTANH = 13u;

fn erf4(z: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * abs(z));
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(z) * (1.0 - p * exp(-z * z));
}

// exp of a clamped argument: some drivers turn tanh and exp of large numbers into NaN. Zero where it underflows, so that
// SiLU's z · sigmoid(z) does not grow there.
fn sigmoid4(z: vec4f) -> vec4f {
  return select(1.0 / (1.0 + exp(-clamp(z, vec4f(-80.0), vec4f(80.0)))), vec4f(0.0), z < vec4f(-104.0));
}

fn tanh4(z: vec4f) -> vec4f {
  return tanh(clamp(z, vec4f(-15.0), vec4f(15.0)));
}

// log(1 + exp(z)), without overflow.
fn softplus4(z: vec4f) -> vec4f {
  return max(z, vec4f(0.0)) + log1p4(exp(max(-abs(z), vec4f(-80.0))));
}

fn gelu_tanh_argument(z: vec4f) -> vec4f {
  return 0.7978845608 * (z + 0.044715 * z * z * z);
}

fn activate(z: vec4f) -> vec4f {
  var y: vec4f;
  switch ACTIVATION {
    case RELU: { y = max(z, vec4f(0.0)); }
    case LEAKY_RELU: { y = select(ALPHA * z, z, z > vec4f(0.0)); }
    case ELU: { y = select(ALPHA * (exp(min(z, vec4f(0.0))) - 1.0), z, z > vec4f(0.0)); }
    case GELU: { y = 0.5 * z * (1.0 + erf4(0.7071067812 * z)); }
    case GELU_TANH: { y = 0.5 * z * (1.0 + tanh4(gelu_tanh_argument(z))); }
    case SILU: { y = z * sigmoid4(z); }
    case TANH: { y = tanh4(z); }
    case SIGMOID: { y = sigmoid4(z); }
    case HARDSWISH: { y = z * clamp(z / 6.0 + 0.5, vec4f(0.0), vec4f(1.0)); }
    case RELU6: { y = clamp(z, vec4f(0.0), vec4f(6.0)); }
    case HARDSIGMOID: { y = clamp(z / 6.0 + 0.5, vec4f(0.0), vec4f(1.0)); }
    case SOFTPLUS: { y = softplus4(z); }
    case HARDTANH: { y = min(max(z, vec4f(ALPHA)), vec4f(BETA)); }
    default: { return z; }
  }
  return or_nan4(y, z);
}

fn activate_gradient(z: vec4f) -> vec4f {
  var slope: vec4f;
  switch ACTIVATION {
    case RELU: { slope = select(vec4f(0.0), vec4f(1.0), z > vec4f(0.0)); }
    case LEAKY_RELU: { slope = select(vec4f(ALPHA), vec4f(1.0), z > vec4f(0.0)); }
    case ELU: { slope = select(ALPHA * exp(min(z, vec4f(0.0))), vec4f(1.0), z > vec4f(0.0)); }
    case GELU: {
      let density = 0.3989422804 * exp(-0.5 * z * z);
      slope = 0.5 * (1.0 + erf4(0.7071067812 * z)) + z * density;
    }
    case GELU_TANH: {
      let t = tanh4(gelu_tanh_argument(z));
      let square = min(3.0 * 0.044715 * z * z, vec4f(1e30));  // infinite, its product with 1 − t² = 0 would be NaN
      slope = 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * 0.7978845608 * (1.0 + square);
    }
    case SILU: {
      let s = sigmoid4(z);
      slope = s * (1.0 + z * (1.0 - s));
    }
    case TANH: {
      let t = tanh4(z);
      slope = 1.0 - t * t;
    }
    case SIGMOID: {
      let s = sigmoid4(z);
      slope = s * (1.0 - s);
    }
    case HARDSWISH: {
      slope = select(select(vec4f(0.0), z / 3.0 + 0.5, z > vec4f(-3.0)), vec4f(1.0), z >= vec4f(3.0));
    }
    case RELU6: { slope = select(vec4f(0.0), vec4f(1.0), (z > vec4f(0.0)) & (z < vec4f(6.0))); }
    case HARDSIGMOID: { slope = select(vec4f(0.0), vec4f(1.0 / 6.0), abs(z) < vec4f(3.0)); }
    case SOFTPLUS: { slope = sigmoid4(z); }
    case HARDTANH: { slope = select(vec4f(0.0), vec4f(1.0), (z > vec4f(ALPHA)) & (z < vec4f(BETA))); }
    default: { return vec4f(1.0); }
  }
  return or_nan4(slope, z);
}

// The same from the output y = f(z): for tanh, sigmoid and hard sigmoid, for ReLU6, and for those that only look at the
// sign of z, which is that of y (ReLU, and leaky ReLU with ALPHA > 0).
fn activate_gradient_at_output(y: vec4f) -> vec4f {
  switch ACTIVATION {
    case TANH: { return 1.0 - y * y; }
    case SIGMOID: { return y * (1.0 - y); }
    case HARDSIGMOID: {
      return or_nan4(select(vec4f(0.0), vec4f(1.0 / 6.0), (y > vec4f(0.0)) & (y < vec4f(1.0))), y);
    }
    default: { return activate_gradient(y); }
  }
}
