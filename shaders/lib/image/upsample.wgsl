// Where places of an upsampled map come from, along one axis of `extent` pixels that become `outputs`, as in
// torch.nn.functional.interpolate with align_corners = false. In whole numbers, so that no size rounds to a neighbour.

override LINEAR: u32;

// Two pixels, and the share of the second one.
struct Source {
  low: u32,
  high: u32,
  share: f32,
}

// Nearest: ⌊p extent / outputs⌋. Linear: (p + 1/2) extent / outputs − 1/2, at least 0, between two pixels.
fn source_of(p: u32, extent: u32, outputs: u32) -> Source {
  if (LINEAR == 0u) {
    let h = p * extent / outputs;
    return Source(h, h, 0.0);
  }
  let whole = 2u * outputs;
  let at = max((2u * p + 1u) * extent, outputs) - outputs;
  let low = at / whole;
  return Source(low, min(low + 1u, extent - 1u), f32(at % whole) / f32(whole));
}

// First and one past the last of the places that come from pixel `h`, or may do so.
fn outputs_of(h: u32, extent: u32, outputs: u32) -> vec2u {
  if (LINEAR == 0u) {
    return vec2u((h * outputs + extent - 1u) / extent, ((h + 1u) * outputs + extent - 1u) / extent);
  }
  let whole = 2u * extent;
  let before = 2u * h * outputs;
  let skipped = outputs + extent;
  let first = select(0u, (before - skipped) / whole + 1u, before >= skipped);
  let end = (max(before + 3u * outputs, extent) - extent + whole - 1u) / whole;
  return vec2u(first, min(end, outputs));
}

// How much of pixel `h` is in what comes from `source`.
fn share_of(h: u32, source: Source) -> f32 {
  return select(0.0, 1.0 - source.share, h == source.low) + select(0.0, source.share, h == source.high);
}
