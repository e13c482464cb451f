/** What TypeScript reads from the text of a kernel: the names of its bindings and constants. */
import type { Kernel, KernelBinding } from "../kernel.ts";

/** The text without its comments. */
type Code<W extends string> = WithoutBlocks<WithoutLines<W>>;

type WithoutLines<W extends string, Done extends string = ""> = W extends `${infer Before}//${infer Rest}`
  ? Rest extends `${string}\n${infer After}`
    ? WithoutLines<After, `${Done}${Before}\n`>
    : `${Done}${Before}`
  : `${Done}${W}`;

type WithoutBlocks<W extends string> = W extends `${infer Before}/*${string}*/${infer After}`
  ? WithoutBlocks<`${Before}${After}`>
  : W;

type Trim<T extends string> = T extends `${" " | "\n"}${infer Rest}`
  ? Trim<Rest>
  : T extends `${infer Rest}${" " | "\n"}`
    ? Trim<Rest>
    : T;

/** What stands before the first colon, or before the blank after a name. */
type NameOf<T extends string> =
  Trim<T> extends `${infer Name}:${string}`
    ? Trim<Name>
    : Trim<T> extends `${infer Name} ${string}`
      ? Name
      : Trim<T>;

type StorageNames<
  W extends string,
  Names extends string = never,
> = W extends `${string}var<storage${infer Rest}`
  ? Rest extends `${string}>${infer Name}:${infer After}`
    ? StorageNames<After, Names | Trim<Name>>
    : Names
  : Names;

type Overrides<
  W extends string,
  Found extends string = never,
> = W extends `${string}override ${infer One};${infer Rest}` ? Overrides<Rest, Found | One> : Found;

type Fields<
  T extends string,
  Names extends string = never,
> = T extends `${infer Name}:${string},${infer Rest}`
  ? Fields<Rest, Names | Trim<Name>>
  : T extends `${infer Name}:${string}`
    ? Names | Trim<Name>
    : Names;

type ArgsOf<W extends string> = W extends `${string}> args:${infer Struct};${string}`
  ? W extends `${string}struct ${Trim<Struct>}${" " | ""}{${infer Body}}${string}`
    ? Fields<Body>
    : never
  : never;

/** A kernel with the names that its text declares; of a text that is not known before it runs, any names. */
export type DefinedKernel<W extends string> = string extends W ? Kernel : Declared<Code<W>>;

type Declared<C extends string> = Omit<Kernel, "bindings" | "constants" | "args" | "live"> & {
  readonly bindings: readonly (KernelBinding & { readonly name: StorageNames<C> })[];
  readonly constants: {
    readonly [O in Overrides<C> as NameOf<O>]: O extends `${string}=${string}` ? false : true;
  };
  readonly args: { readonly [F in ArgsOf<C>]: "f32" | "u32" | "i32" };
  readonly live: C extends `${string}@group(1)${string}` ? true : false;
};
