// exp and log of NaN are NaN: those of the language lose it where they are computed by clamping and a polynomial.
// use: nan

fn exp_or_nan(x: f32) -> f32 {
  return select(exp(x), x, is_nan(x));
}

fn log_or_nan(x: f32) -> f32 {
  return select(log(x), x, is_nan(x));
}
