/** What an op takes, as data: checked where a node is made, since JavaScript may pass anything. */
import { ShapeError } from "../base/errors.ts";
import { list, object, optional, type Schema, show, value } from "../base/schema.ts";
import type { Tensors } from "./op.ts";

/** The inputs of an op, and what its options must be. */
export interface Takes<In extends Tensors, Attrs> {
  readonly inputs: { readonly [K in keyof In]-?: "required" | "optional" };
  readonly options: { readonly [K in keyof Attrs]-?: Schema<NonNullable<Attrs[K]>> };
}

export const NUMBER = /* @__PURE__ */ value<number>("a number", (given) => typeof given === "number");
export const OPTIONAL_NUMBER = /* @__PURE__ */ optional(NUMBER);
export const PAIR: Schema<readonly [number, number]> = /* @__PURE__ */ numbers("height", "width");
export const PADS: Schema<readonly [number, number, number, number]> = /* @__PURE__ */ numbers(
  "top",
  "bottom",
  "left",
  "right",
);

/** A list of numbers that stand for these. */
export function numbers<T extends readonly number[]>(...names: readonly string[]): Schema<T> {
  const { accepts } = list(NUMBER, names.length, names.length);
  return value<T>(`numbers [${names.join(", ")}]`, accepts);
}

/** Throws ShapeError, with all that the op takes, for inputs or options that are missing, unknown or of another type. */
export function checkTakes<In extends Tensors, Attrs>(
  operation: string,
  { inputs, options }: Takes<In, Attrs>,
  given: In,
  attrs: Attrs,
): void {
  const refuse = (reason: string, got: string, all: readonly string[]): never => {
    throw new ShapeError(operation, reason, `${got}; it takes ${all.join(", ") || "none"}`);
  };
  const known: Readonly<Record<string, string>> = inputs;
  const names = Object.entries(known).map(([name, need]) => (need === "optional" ? `${name}?` : name));
  const missing = Object.keys(known).find((name) => known[name] === "required" && !given[name]);
  const surplus = Object.keys(given).find((name) => given[name] !== undefined && !Object.hasOwn(known, name));
  if (missing) refuse(`needs the input ${missing}`, `got ${Object.keys(given).join(", ") || "none"}`, names);
  if (surplus) refuse("has no such input", `got ${surplus}`, names);

  const schemas: Readonly<Record<string, Schema<unknown>>> = options;
  const described = Object.entries(schemas).map(([name, schema]) => {
    return `${name}${"optional" in schema ? "?" : ""}: ${schema.text}`;
  });
  // Ops without options may be given none.
  const values = attrs === undefined && described.length === 0 ? {} : attrs;
  const found = object(schemas).misfit(values);
  if (found) {
    const place = found.path.replace(/^\./, "");
    refuse(
      `${place ? `the option ${place}` : "its options"} must be ${found.text}`,
      `got ${show(found.value)}`,
      described,
    );
  }
  const unknown = Object.keys(values as object).find((name) => !Object.hasOwn(schemas, name));
  if (unknown) refuse("has no such option", `got ${unknown}`, described);
}
