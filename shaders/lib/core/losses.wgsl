// Losses of single elements by number, with the derivative by the prediction x, for the target t. The library takes names
// and numbers from the constants below: all whole-number constants of this file are losses.
// The switch is over an override constant, so a pipeline holds only the branch it uses. NaN gives NaN.
//
//   MSE              (x − t)²
//   L1               |x − t|, whose derivative at 0 is 0
//   HUBER            (x − t)² / 2 up to |x − t| = DELTA, DELTA (|x − t| − DELTA / 2) from there on
//   BCE_WITH_LOGITS  −(w t log p + (1 − t) log(1 − p)) with p = sigmoid(x), w = pos_weight
//   SIGMOID_FOCAL    a m^GAMMA BCE, where m = p (1 − t) + (1 − p) t is what p misses, a = ALPHA t + (1 − ALPHA) (1 − t)
//
// Huber, "Robust Estimation of a Location Parameter", 1964. Lin et al., "Focal Loss for Dense Object Detection", ICCV
// 2017, with torchvision's handling of targets between 0 and 1.
// use: nan4, log1p

override LOSS: u32;
override DELTA: f32 = 1.0;
override ALPHA: f32 = -1.0;  // below 0: a = 1
override GAMMA: f32 = 0.0;

const MSE = 0u;
const L1 = 1u;
const HUBER = 2u;
const BCE_WITH_LOGITS = 3u;
const SIGMOID_FOCAL = 4u;

struct ElementLoss {
  value: vec4f,
  slope: vec4f,
}

// What sigmoid makes of x, each without cancellation: p and 1 − p, −log(1 − p) and −log p.
struct Logistic {
  p: vec4f,
  not_p: vec4f,
  no: vec4f,
  yes: vec4f,
}

fn logistic(x: vec4f) -> Logistic {
  let e = exp(-abs(x));
  let positive = x >= vec4f(0.0);
  let log1p = log1p4(e);
  return Logistic(
    select(e, vec4f(1.0), positive) / (1.0 + e),
    select(vec4f(1.0), e, positive) / (1.0 + e),
    max(x, vec4f(0.0)) + log1p,
    max(-x, vec4f(0.0)) + log1p,
  );
}

fn element_loss(x: vec4f, t: vec4f, pos_weight: vec4f) -> ElementLoss {
  let d = x - t;
  switch LOSS {
    case L1: { return ElementLoss(abs(d), or_nan4(sign(d), d)); }
    case HUBER: {
      let value = select(DELTA * (abs(d) - 0.5 * DELTA), 0.5 * d * d, abs(d) < vec4f(DELTA));
      return ElementLoss(or_nan4(value, d), or_nan4(clamp(d, vec4f(-DELTA), vec4f(DELTA)), d));
    }
    case BCE_WITH_LOGITS: {
      let s = logistic(x);
      let value = pos_weight * t * s.yes + (1.0 - t) * s.no;
      let slope = (1.0 - t) * s.p - pos_weight * t * s.not_p;
      return ElementLoss(or_nan4(value, x), or_nan4(slope, x));
    }
    case SIGMOID_FOCAL: {
      let s = logistic(x);
      let bce = t * s.yes + (1.0 - t) * s.no;
      let miss = max(s.p * (1.0 - t) + s.not_p * t, vec4f(1e-37));  // of 0, log2 within pow would be infinite
      let factor = select(vec4f(1.0), ALPHA * t + (1.0 - ALPHA) * (1.0 - t), ALPHA >= 0.0) * pow(miss, vec4f(GAMMA));
      let rise = (1.0 - 2.0 * t) * s.p * s.not_p / miss;  // of log m
      let slope = (1.0 - t) * s.p - t * s.not_p + GAMMA * bce * rise;
      return ElementLoss(or_nan4(factor * bce, x), or_nan4(factor * slope, x));
    }
    default: { return ElementLoss(d * d, 2.0 * d); }
  }
}
