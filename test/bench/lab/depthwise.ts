/** The kernels for depthwise convolutions, with each window and stride that they are launched with. */
import { derive, replaceOnce } from "../../../src/kernel/derive.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import {
  conv2d_depthwise_forward,
  conv2d_depthwise_grad_input,
  conv2d_depthwise_grad_weight,
} from "../../../src/kernel/shaders.gen.ts";
import type { TurnWork } from "./read/turn.ts";

/** What is added to a kernel's name for one window and stride. */
export const windowSuffix = (window: number, stride: number): string =>
  `${window}x${window}_stride_${stride}`;

/** `kernel` for one window and stride, as defaults of its constants. */
const windowed = (kernel: Kernel, WINDOW: number, STRIDE: number): Kernel =>
  derive(kernel, windowSuffix(WINDOW, STRIDE), () => {
    const given = Object.entries({ WINDOW, STRIDE }).filter(([constant]) => constant in kernel.constants);
    return {
      wgsl: given.reduce(
        (wgsl, [constant, value]) =>
          replaceOnce(kernel, wgsl, `override ${constant}: u32;`, `override ${constant}: u32 = ${value}u;`),
        kernel.wgsl,
      ),
      constants: { ...kernel.constants, ...Object.fromEntries(given.map(([constant]) => [constant, false])) },
    };
  });

/** Lines of a strip. */
const LINES = 4;

/**
 * With what an invocation does for a column of its strip. The gradient of the input has a kernel of its own where the
 * stride is 2, of which a turn finishes two columns, though each number has but a quarter of the taps; else it is the forward
 * pass, turned around.
 */
export const DEPTHWISE: ReadonlyMap<Kernel, TurnWork> = new Map(
  [3, 5].flatMap((window) => {
    const column = { block: 4 * LINES * window ** 2, blocks: 1, outputs: LINES };
    const pair = { block: column.block / 2, blocks: 1, outputs: 2 * LINES };
    return [
      [windowed(conv2d_depthwise_forward, window, 1), column],
      [windowed(conv2d_depthwise_forward, window, 2), column],
      [windowed(conv2d_depthwise_grad_input, window, 2), pair],
      [windowed(conv2d_depthwise_grad_weight, window, 1), column],
      [windowed(conv2d_depthwise_grad_weight, window, 2), column],
    ] as const;
  }),
);
