/** Finds ops and kernels that no test covers. */
import type { Kernel } from "../../../src/kernel/kernel.ts";
import type { Steps } from "../../../src/plan/plan.ts";
import type { OpDeclaration } from "./declaration.ts";

/** Export names of ops that have no declaration. */
export const undeclared = (
  ops: Readonly<Record<string, unknown>>,
  declarations: readonly Pick<OpDeclaration, "op">[],
): string[] =>
  Object.entries(ops).flatMap(([name, op]) =>
    declarations.some((declared) => declared.op === op) ? [] : name,
  );

/** Kernels that no program launches, in f32 or f16, and that are not in `others`. */
export function unlaunched(
  kernels: readonly Kernel[],
  programs: Iterable<Steps>,
  others: readonly Kernel[],
): string[] {
  const launched = new Set(others.map(plainName));
  for (const { dispatches } of programs) for (const { kernel } of dispatches) launched.add(plainName(kernel));
  return kernels.filter((kernel) => !launched.has(plainName(kernel))).map(({ name }) => name);
}

/** The name of a kernel without the part that says which of its memory is f16. */
const plainName = ({ name }: Kernel): string => name.replace(/_half_.*$/, "");
