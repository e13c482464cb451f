// Four vec4s, zero where the bits of `mask` are not set, also instead of NaN: a mask is cheaper than a choice.

fn masked(rows: mat4x4f, mask: vec4u) -> mat4x4f {
  return mat4x4f(
    bitcast<vec4f>(bitcast<vec4u>(rows[0]) & vec4u(mask.x)),
    bitcast<vec4f>(bitcast<vec4u>(rows[1]) & vec4u(mask.y)),
    bitcast<vec4f>(bitcast<vec4u>(rows[2]) & vec4u(mask.z)),
    bitcast<vec4f>(bitcast<vec4u>(rows[3]) & vec4u(mask.w)),
  );
}
