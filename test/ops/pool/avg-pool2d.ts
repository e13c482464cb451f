import { avgPool2dOp } from "../../../src/ops/pool/pool.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import { avgPool2d as avgPool2dReference } from "../../support/reference/pool.ts";
import { WINDOWS } from "./windows.ts";

export const avgPool2d = declare({
  op: avgPool2dOp,
  reference: ({ x }, attrs) => ({ y: avgPool2dReference(x!, attrs) }),
  cases: WINDOWS.flatMap(({ shape, attrs }, i) =>
    [false, true].map((countIncludePad) => ({
      name: `(${shape}) ${JSON.stringify({ ...attrs, countIncludePad })}`,
      inputs: { x: shape },
      attrs: { ...attrs, countIncludePad },
      ...(i === 2 && { half: true as const }),
    })),
  ),
  tolerance: ({ attrs: { kernel } }) => 1e-6 * Math.sqrt(kernel[0] * kernel[1]),
  half: { activations: ["x"] },
  work: streams,
});
