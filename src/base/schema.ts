/** Says what a value from outside must be, such as parsed JSON, and where it is not. */

/** What a value must be. Its type is what `accepts` narrows to. */
export interface Schema<T> {
  /** In words that follow "must be". */
  readonly text: string;
  /** All values, where they are a few names. */
  readonly names?: readonly string[];
  accepts(value: unknown): value is T;
  /** The first place where a value is not as it must be. */
  misfit(value: unknown): Misfit | undefined;
}

/** A place in a value, such as `.train[3].label`, what must be there, and what is. */
export interface Misfit {
  readonly path: string;
  readonly text: string;
  readonly value: unknown;
}

export type TypeOf<S> = S extends Schema<infer T> ? T : never;

type Optional<T> = Schema<T> & { readonly optional: true };
type Fields = Readonly<Record<string, Schema<unknown>>>;
type OptionalKeys<F> = { [K in keyof F]: F[K] extends { readonly optional: true } ? K : never }[keyof F];
type ObjectOf<F extends Fields> = { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: TypeOf<F[K]> } & {
  readonly [K in OptionalKeys<F>]?: TypeOf<F[K]>;
};

function schema<T>(text: string, misfit: Schema<T>["misfit"], names?: readonly string[]): Schema<T> {
  const accepts = (value: unknown): value is T => misfit(value) === undefined;
  return { text, accepts, misfit, ...(names && { names }) };
}

/** A value without parts. */
export const value = <T>(text: string, accepts: (value: unknown) => boolean): Schema<T> =>
  schema(text, (value) => (accepts(value) ? undefined : { path: "", text, value }));

export const anything = value<unknown>("anything", () => true);

export const flag = value<boolean>("true or false", (value) => typeof value === "boolean");

export const string = value<string>("text", (value) => typeof value === "string");

export const text = value<string>("non-empty text", (value) => typeof value === "string" && value !== "");

export const number = value<number>("a finite number", (value) => Number.isFinite(value));

export const positive = value<number>(
  "a positive number",
  (value) => Number.isFinite(value) && Number(value) > 0,
);

/** A whole number, exact as a double. */
export const whole = (least: number, most: number): Schema<number> =>
  value(
    `a whole number ${least}…${most}`,
    (value) => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most,
  );

export const count = value<number>(
  "a positive whole number",
  (value) => Number.isSafeInteger(value) && Number(value) > 0,
);

/** Of bytes, say. */
export const size = value<number>(
  "a whole number, not negative",
  (value) => Number.isSafeInteger(value) && Number(value) >= 0,
);

/** One of two or more names. */
export function oneOf<const N extends string>(names: readonly N[]): Schema<N> {
  const text = `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
  const { misfit } = value<N>(text, (value) => names.includes(value as N));
  return schema(text, misfit, names);
}

/** A list of `least` to `most` items. */
export function list<T>(item: Schema<T>, least = 0, most = Number.MAX_SAFE_INTEGER): Schema<readonly T[]> {
  const length = least === most ? `${most} times ` : least > 0 ? `at least ${least} times ` : "";
  const text = `a list of ${length}${item.text}`;
  const misfit = (value: unknown): Misfit | undefined => {
    if (!Array.isArray(value) || value.length < least || value.length > most)
      return { path: "", text, value };
    return inParts(
      value.entries(),
      (index) => `[${index}]`,
      () => item,
    );
  };
  return schema(text, misfit, item.names);
}

/** An object with these fields; others are ignored. */
export function object<F extends Fields>(fields: F): Schema<ObjectOf<F>> {
  const names = Object.keys(fields);
  const text = `an object with ${names.join(", ")}`;
  return schema(text, (value) => {
    if (!isObject(value)) return { path: "", text, value };
    // Only its own fields count, not those that every object inherits.
    const given = names.map((name) => [name, Object.hasOwn(value, name) ? value[name] : undefined] as const);
    return inParts(given, fieldPath, (name) => fields[name]!);
  });
}

/** A field that may be missing. */
export const optional = <T>({ text, names, misfit }: Schema<T>): Optional<T> => ({
  ...schema<T>(text, (value) => (value === undefined ? undefined : misfit(value)), names),
  optional: true,
});

/** An object with whatever fields. */
export const anyObject = value<Readonly<Record<string, unknown>>>("an object", (value) => isObject(value));

/** An object of such values, whatever their names. */
export function record<T>(item: Schema<T>): Schema<Readonly<Record<string, T>>> {
  const text = `an object of ${item.text}`;
  return schema(text, (value) =>
    isObject(value) ? inParts(Object.entries(value), fieldPath, () => item) : { path: "", text, value },
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const fieldPath = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${show(name)}]`);

/** The first misfit of the parts of a value. */
function inParts<K>(
  parts: Iterable<readonly [key: K, value: unknown]>,
  pathOf: (key: K) => string,
  schemaOf: (key: K) => Schema<unknown>,
): Misfit | undefined {
  for (const [key, value] of parts) {
    const found = schemaOf(key).misfit(value);
    if (found) return { ...found, path: pathOf(key) + found.path };
  }
  return undefined;
}

type Failure = new (message: string, options?: ErrorOptions) => Error;

/** Gives back a value that is as it must be. Throws `Failure`, calling the value `name`, for any other. */
export function check<T>(schema: Schema<T>, value: unknown, name: string, Failure: Failure): T {
  const found = schema.misfit(value);
  if (!found) return value as T;
  const { path, text, value: given } = found;
  const place = path.replace(/^\./, "") || "it";
  throw new Failure(`${name}: ${place} must be ${text} — got ${show(given)}`);
}

/** Parses JSON, as text or in UTF-8, and checks it. Throws `Failure`, calling it `name`. */
export function parseJson<T>(
  schema: Schema<T>,
  json: string | Uint8Array,
  name: string,
  Failure: Failure,
): T {
  let value: unknown;
  let text = "";
  try {
    text = typeof json === "string" ? json : new TextDecoder("utf-8", { fatal: true }).decode(json);
    value = JSON.parse(text);
  } catch (cause) {
    const page = /^\s*</.test(text) ? " but a web page, which servers send for a file that they lack" : "";
    throw new Failure(`${name} is not JSON${page}`, { cause });
  }
  return check(schema, value, name, Failure);
}

/** A value in an error: short, and whatever it is. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) {
    const isShort = value.length <= 8 && value.every((part) => typeof part !== "object" || part === null);
    return isShort ? `[${value.map(show).join(", ")}]` : `a list of ${value.length}`;
  }
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return "an object";
  return value === undefined ? "nothing" : String(value);
}
