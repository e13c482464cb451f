/**
 * Counter-based random numbers: the same bits as `shaders/lib/core/random.wgsl`, so that one seed repeats both what
 * the host draws (initial weights, shuffles) and what a kernel draws (dropout masks).
 *
 * pcg4d, Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020.
 */
export function pcg4d(a: number, b: number, c: number, d: number): [number, number, number, number] {
  let x = (Math.imul(a, 1664525) + 1013904223) | 0;
  let y = (Math.imul(b, 1664525) + 1013904223) | 0;
  let z = (Math.imul(c, 1664525) + 1013904223) | 0;
  let w = (Math.imul(d, 1664525) + 1013904223) | 0;
  for (let round = 0; round < 2; round++) {
    x = (x + Math.imul(y, w)) | 0;
    y = (y + Math.imul(z, x)) | 0;
    z = (z + Math.imul(x, y)) | 0;
    w = (w + Math.imul(y, z)) | 0;
    if (round === 0) {
      x ^= x >>> 16;
      y ^= y >>> 16;
      z ^= z >>> 16;
      w ^= w >>> 16;
    }
  }
  return [x >>> 0, y >>> 0, z >>> 0, w >>> 0];
}

/** FNV-1a over UTF-16 code units: turns the name of a random stream into its number. */
export function hashString(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** A stream of random numbers; `position` is its whole state, so a stream can be stored and resumed. */
export class Random {
  /** 32 bits. */
  readonly seed: number;
  /** Tells streams of one seed apart, 32 bits; a name is hashed. */
  readonly stream: number;
  /** How many numbers have been drawn. */
  position: number;
  /** The last block of four that was drawn from, and its number. */
  #block: [number, number, number, number] = [0, 0, 0, 0];
  #number = -1;

  constructor(seed: number, stream: number | string = 0, position = 0) {
    this.seed = seed >>> 0;
    this.stream = typeof stream === "string" ? hashString(stream) : stream >>> 0;
    this.position = position;
  }

  /** The next 32 random bits. */
  u32(): number {
    const number = Math.floor(this.position / 4);
    if (number !== this.#number) {
      this.#block = pcg4d(this.position >>> 2, Math.floor(this.position / 2 ** 34), this.stream, this.seed);
      this.#number = number;
    }
    return this.#block[(this.position++ & 3) as 0 | 1 | 2 | 3];
  }

  /** Uniform in [0, 1), 24 bits, exactly representable in f32. */
  uniform(): number {
    return (this.u32() >>> 8) * 2 ** -24;
  }

  /** Standard normal by the Box–Muller transform; takes two draws from the stream. */
  normal(): number {
    const u = 1 - this.uniform();
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A uniformly random permutation of 0…n−1 (Fisher–Yates). */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor((this.u32() / 2 ** 32) * (i + 1));
      const t = order[i]!;
      order[i] = order[j]!;
      order[j] = t;
    }
    return order;
  }
}
