// log(1 + e) for e from 0 to 1: by its series where 1 + e would round e away.

fn log1p4(e: vec4f) -> vec4f {
  return select(log(1.0 + e), e * (1.0 - e * (0.5 - e / 3.0)), e < vec4f(0.01));
}
