/** What a compiler printed. */
export interface Compiled {
  /** By kernel. */
  readonly listings: ReadonlyMap<string, string>;
  /** What went wrong, one line each. */
  readonly failures: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
}
