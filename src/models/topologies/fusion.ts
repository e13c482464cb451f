import { ShapeError } from "../../base/errors.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { average, concat, dense, globalAvgPool } from "../../layers/index.ts";
import { type Backbone, type BackboneFamily, checkStage, preprocessingOf } from "../backbones/backbone.ts";
import { type BackboneLike, createBackbone, defaultResnet } from "../backbones/backbones.ts";
import { bridge } from "../blocks.ts";
import { carried, checked, type Model, type ModelOptions, oneOf } from "../model.ts";

/** Options of `fusion`. */
export interface FusionOptions extends ModelOptions {
  /** The ResNet, or a MobileNet in its place. Default: ResNet-50, or ResNet-20 if height or width is below 64. */
  readonly backbone?: BackboneLike;
  /** The VGG. Default VGG-16. */
  readonly vgg?: BackboneLike;
  /** Last stage of the ResNet or MobileNet. Default: its last. The VGG ends with the stage whose map has the same extents. */
  readonly stage?: number;
  /** How to join the two maps. Default `concat`. */
  readonly merge?: "concat" | "average";
  /** Channels that 1×1 convolutions give both maps for `average`. Default 512. */
  readonly width?: number;
  /** Channels to which a 1×1 convolution reduces each map first. Default: no reduction. */
  readonly reduce?: number;
  /** Features of the hidden layer of the head. Default 1024. */
  readonly hidden?: number;
}

/**
 * A ResNet and a VGG without their tops, side by side on one image; their maps are joined, then global average
 * pool – dense 1024 – ReLU – dense. 224×224×3 and 10 classes by default, with maps of 7×7×2048 and 7×7×512.
 *
 * Parameters: the backbones', with the prefixes `resnet.` (`mobilenet.`) and `vgg.`; reduce.resnet, reduce.vgg,
 * project.resnet, project.vgg (1×1 convolutions, if any); fc1, fc2. Throws ShapeError unless height and width are multiples
 * of the ResNet's stride, which is 32, or 4 in the small-image family.
 */
export function fusion(options: FusionOptions = {}): Model {
  const { inputShape = [224, 224, 3], classes = 10, width = 512, reduce, hidden = 1024 } = options;
  const residual = member(options.backbone ?? defaultResnet(inputShape), isHalving);
  const plain = member(options.vgg ?? "vgg16", (family) => family === "vgg");
  const merge = oneOf("fusion", "merge", options.merge ?? "concat", ["concat", "average"]);
  const { stage = residual.stages } = options;
  checkStage(residual.name, stage, 0, residual.stages);
  const stride = residual.reduction(stage);
  if (inputShape[0] % stride !== 0 || inputShape[1] % stride !== 0) {
    const reason = `height and width must be multiples of ${stride}, the stride of ${residual.name}`;
    throw new ShapeError("fusion", reason, `inputShape (${inputShape.join(", ")})`);
  }
  const preprocessing = options.preprocessing ?? preprocessingOf(residual, inputShape);

  /** A branch's map, with the channels that the merge needs. */
  function branch(images: Tensor, { family, features }: Backbone, last: number): Tensor {
    const map = features(images, { prefix: `${family}.`, stage: last });
    const joined = merge === "average" ? width : (reduce ?? map.shape.at(-1)!);
    return bridge(map, joined, { reduce, suffix: `.${family}`, always: merge === "average" });
  }

  return checked({
    name: "fusion",
    inputShape,
    classes,
    options: {
      ...{ inputShape, classes, stage, merge, width, hidden },
      backbone: { name: residual.name, ...residual.variant },
      vgg: { name: plain.name, ...plain.variant },
      ...(reduce !== undefined && { reduce }),
      ...carried(options),
    },
    ...carried(options),
    ...(preprocessing && { preprocessing }),
    backbones: { [`${residual.family}.`]: residual.name, "vgg.": plain.name },
    build(images) {
      const maps = [branch(images, residual, stage), branch(images, plain, Math.log2(stride))] as const;
      const x = globalAvgPool(merge === "concat" ? concat(...maps) : average(...maps));
      const head = dense(x, "fc1", { outFeatures: hidden, activation: "relu" });
      return dense(head, "fc2", { outFeatures: classes });
    },
  });
}

/** Whether a map is half as high and wide, rounded up, after each stride, as the map of a VGG beside it. */
export const isHalving = (family: BackboneFamily): boolean => family === "resnet" || family === "mobilenet";

/** Makes a backbone. Throws ShapeError unless it is of a family that fits. */
function member(like: BackboneLike, fits: (family: BackboneFamily) => boolean): Backbone {
  const backbone = createBackbone(like);
  if (fits(backbone.family)) return backbone;
  const reason = "backbone must be a ResNet or a MobileNet, and vgg a VGG";
  throw new ShapeError("fusion", reason, backbone.name);
}
