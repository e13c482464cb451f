/** What the gallery's worker says: plain data, in this order. */

export interface GalleryRequest {
  /** A file under shaders/. */
  readonly file: string;
  readonly task: "check" | "time";
}

/** A result beside its reference in f64. */
export interface Compared {
  /** Kernels of the file that took part. */
  readonly kernels: readonly string[];
  readonly title: string;
  /** `y`, `dx` for a gradient, or `dx of two uses`, which are added up. */
  readonly output: string;
  /** The largest difference, and what is allowed; missing where that depends on the element. */
  readonly error: number;
  readonly allowed?: number;
  readonly right: boolean;
  /** What is wrong, in words. */
  readonly failure?: string;
}

export interface Timed {
  readonly pass: string;
  readonly shape: string;
  readonly networks: readonly string[];
  /** All launches of the pass. */
  readonly launches: readonly string[];
  readonly medianMs: number;
  readonly quartilesMs: readonly [number, number];
  /** Missing where memory alone limits the pass. */
  readonly gflops?: number;
  readonly gbps: number;
}

export type GalleryEvent =
  | { readonly kind: "device"; readonly name: string; readonly software: boolean }
  | { readonly kind: "progress"; readonly text: string }
  | { readonly kind: "compared"; readonly results: readonly Compared[] }
  | { readonly kind: "timed"; readonly result: Timed }
  /** `note` says why there is nothing, where there is nothing. */
  | { readonly kind: "end"; readonly note?: string }
  | { readonly kind: "failed"; readonly reason: string };
