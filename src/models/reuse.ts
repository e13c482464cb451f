import type { Tensor } from "../graph/tensor.ts";

/**
 * Applies layers to x once more, with the weights they have: what `layers(x)` names must have been made before. So the
 * branches of a siamese network share all they have, and are saved once:
 *
 *     const embed = (x: Tensor) => dense(flatten(conv2d(x, "conv", conv)), "embedding", { outFeatures: 16 });
 *     const [a, b] = [embed(left), reuse(right, embed)];
 *
 * Gradients add up; batch norm takes its statistics for each use alone, and updates the running ones each time, in order.
 * Throws ShapeError for a layer that is new, or whose weights would have another shape.
 */
export const reuse = <T>(x: Tensor, layers: (x: Tensor) => T): T => x.graph.reuse(() => layers(x));
