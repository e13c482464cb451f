/**
 * Probability that Student's t with `df` degrees of freedom, a whole number, lies within ±√df · tan(angle): the finite
 * sums of Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.7.3 and 26.7.4.
 */
function within(angle: number, df: number): number {
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const odd = df % 2 === 1;
  let term = odd ? cos : 1;
  let sum = df === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k < df; k += 2) {
    term *= ((k - 1) / k) * cos * cos;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (angle + sin * sum) : sin * sum;
}

/**
 * The t within ± which Student's distribution with `df` degrees of freedom, a positive whole number, has `level` of its
 * mass: 12.706 for 0.95 and one degree of freedom, 1.960 for very many.
 */
export function studentT(level: number, df: number): number {
  let [low, high] = [0, Math.PI / 2];
  while (true) {
    const angle = (low + high) / 2;
    // No number is left in between.
    if (angle <= low || angle >= high) return Math.sqrt(df) * Math.tan(angle);
    if (within(angle, df) < level) low = angle;
    else high = angle;
  }
}
