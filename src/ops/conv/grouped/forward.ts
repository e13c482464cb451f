/**
 * The forward pass of convolutions in groups, with all the ways to compute it: by a kernel of one output a lane, plain and
 * right for any grouping, and by one for depthwise ones.
 */

import { storedLength } from "../../../graph/tensor.ts";
import { grid } from "../../../kernel/grid.ts";
import { conv2d_depthwise_forward, conv2d_grouped_forward } from "../../../kernel/shaders.gen.ts";
import { activationConstants, IDENTITY } from "../../elementwise/activation.ts";
import type { Tunable } from "../../tunable.ts";
import { forwardAlone } from "../alone.ts";
import type { ForwardArgs } from "../conv-forward.ts";
import {
  constantsOf,
  type GroupedGeometry,
  linesOfOutputs,
  sized,
  stripVariants,
  suitsStrips,
  workgroups,
} from "./strips.ts";

const DEPTHWISE_FORWARD = /* @__PURE__ */ stripVariants<ForwardArgs>(
  ({ P, Q }) => [P, Q],
  linesOfOutputs,
  (emit, geometry, division, { x, w, bias, y }, activation = IDENTITY) => {
    const flags = { TURNED: 0, HAS_BIAS: bias ? 1 : 0, ACCUMULATE: 0, ...activationConstants(activation) };
    const kernel = sized(emit, conv2d_depthwise_forward);
    // A kernel that does not read the bias still needs something bound.
    const tensors = { x, w, bias: bias ?? w, y };
    const constants = { ...constantsOf(geometry, division), ...flags };
    emit.dispatch(kernel, tensors, constants, workgroups(geometry, division.parts));
  },
);

/** y = f(conv(x, w) + bias). */
export const GROUPED_FORWARD: Tunable<GroupedGeometry, ForwardArgs> = {
  op: "conv2d_grouped",
  pass: "forward",
  variants: [
    {
      name: "plain",
      error: 1,
      fits: () => true,
      emit(emit, geometry, { x, w, bias, y }, activation = IDENTITY) {
        const constants = { ...geometry, HAS_BIAS: bias ? 1 : 0, ...activationConstants(activation) };
        const workgroups = grid(storedLength(y.shape) / 4, conv2d_grouped_forward);
        // A kernel that does not read the bias still needs something bound.
        emit.dispatch(conv2d_grouped_forward, { x, w, bias: bias ?? w, y }, constants, workgroups);
      },
    },
    ...DEPTHWISE_FORWARD,
  ],
  guess: (geometry, device) => GROUPED_FORWARD.variants[suitsStrips(geometry, device) ? 1 : 0]!,
  alone: (geometry, dtype) => forwardAlone(geometry, dtype, geometry.GROUPS),
};
