/** The kernels for depthwise convolutions, with each window, stride and number of lines that they are launched with. */
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { derive, replaceOnce } from "../../../src/kernel/derive.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import {
  conv2d_depthwise_forward,
  conv2d_depthwise_grad_input,
  conv2d_depthwise_grad_weight,
  conv2d_depthwise_grad_weight_column,
} from "../../../src/kernel/shaders.gen.ts";
import { keepsTaps, linesOfOutputs, linesOfSums } from "../../../src/ops/conv/grouped/strips.ts";
import type { TurnWork } from "./read/turn.ts";

export interface DepthwiseConstants {
  readonly WINDOW: number;
  readonly STRIDE: number;
  /** Of a strip: 4 or 2. */
  readonly LINES: number;
}

/** What is added to a kernel's name for constants. */
export const suffixOf = ({ WINDOW, STRIDE, LINES }: DepthwiseConstants): string =>
  `${WINDOW}x${WINDOW}_stride_${STRIDE}${LINES === 4 ? "" : `_lines_${LINES}`}`;

/** `kernel` with constants as defaults. */
const withDefaults = (kernel: Kernel, constants: DepthwiseConstants): Kernel =>
  derive(kernel, suffixOf(constants), () => {
    const given = Object.entries(constants).filter(([constant]) => constant in kernel.constants);
    return {
      wgsl: given.reduce(
        (wgsl, [constant, value]) =>
          replaceOnce(kernel, wgsl, `override ${constant}: u32;`, `override ${constant}: u32 = ${value}u;`),
        kernel.wgsl,
      ),
      constants: { ...kernel.constants, ...Object.fromEntries(given.map(([constant]) => [constant, false])) },
    };
  });

interface Depthwise {
  readonly work: TurnWork;
  /** Whether the heuristics launch it, where the lines of the map allow so many. */
  on(device: Capabilities): boolean;
}

/** Those of one window and number of lines, with what an invocation does for a column of its strip. */
function kernelsFor(WINDOW: number, LINES: number): (readonly [Kernel, Depthwise])[] {
  const on = (device: Capabilities): boolean => linesOfOutputs({ R: WINDOW }, device) === LINES;
  const keeps = (device: Capabilities): boolean => keepsTaps({ R: WINDOW }, device);
  const sums = (device: Capabilities): boolean => linesOfSums({ P: LINES }, device) === LINES;
  const column = { block: 4 * LINES * WINDOW ** 2, blocks: 1, outputs: LINES };
  const ofStride = (kernel: Kernel, STRIDE: number, rest: Depthwise) =>
    [withDefaults(kernel, { WINDOW, STRIDE, LINES }), rest] as const;
  const ofBoth = (kernel: Kernel, rest: Depthwise) => [1, 2].map((stride) => ofStride(kernel, stride, rest));
  const outputs = [
    ...ofBoth(conv2d_depthwise_forward, { work: column, on }),
    // The gradient of the input is the forward pass, turned around, where the stride is 1. Else a turn finishes two columns, of
    // which each number has a quarter of the taps.
    ofStride(conv2d_depthwise_grad_input, 2, {
      work: { ...column, block: column.block / 2, outputs: 2 * LINES },
      on,
    }),
  ];
  return [
    ...(LINES === 1 ? [] : outputs),
    ...ofBoth(conv2d_depthwise_grad_weight, {
      work: column,
      on: (device) => keeps(device) && sums(device),
    }),
    ...ofBoth(conv2d_depthwise_grad_weight_column, {
      work: { ...column, block: column.block / WINDOW, outputs: LINES / WINDOW },
      on: (device) => !keeps(device) && sums(device),
    }),
  ];
}

export const DEPTHWISE: ReadonlyMap<Kernel, Depthwise> = new Map(
  [3, 5].flatMap((window) => [4, 2, 1].flatMap((lines) => kernelsFor(window, lines))),
);
