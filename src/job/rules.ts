/** What a value from outside must be. */
export interface Rule<T> {
  /** In words that follow "must be". */
  readonly text: string;
  /** All values, where they are a few names. */
  readonly names?: readonly string[];
  accepts(value: unknown): value is T;
}

/** The type of the values that a rule accepts. */
export type ValueOf<R> = R extends Rule<infer T> ? T : never;

export const rule = <T>(text: string, accepts: (value: unknown) => boolean): Rule<T> => ({
  text,
  accepts: (value): value is T => accepts(value),
});

export const flag = rule<boolean>("true or false", (value) => typeof value === "boolean");

export const text = rule<string>("non-empty text", (value) => typeof value === "string" && value !== "");

export const count = rule<number>(
  "a positive whole number",
  (value) => Number.isSafeInteger(value) && Number(value) > 0,
);

export const positive = rule<number>(
  "a positive number",
  (value) => Number.isFinite(value) && Number(value) > 0,
);

/** Seeds reach the GPU as 32 bits. */
export const uint32 = rule<number>(
  `a whole number from 0 to ${2 ** 32 - 1}`,
  (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32,
);

/** One of two or more names. */
export const oneOf = <N extends string>(names: readonly N[]): Rule<N> => ({
  ...rule<N>(`${names.slice(0, -1).join(", ")} or ${names.at(-1)}`, (value) => names.includes(value as N)),
  names,
});

export const listOf = <T>(item: Rule<T>): Rule<readonly T[]> => ({
  ...item,
  ...rule<readonly T[]>(
    `a list of ${item.text}`,
    (value) => Array.isArray(value) && value.every((each) => item.accepts(each)),
  ),
});
