import {
  adamw,
  convnet,
  createModel,
  type Dataset,
  features,
  fusion,
  interleaved,
  type LaneOptions,
  type Model,
  type Schedule,
  sequential,
  stacked,
} from "webgraft";
import type { LaneKind, RaceSettings } from "../runs/settings.ts";

/** What a network is made for. */
export type Form = Pick<Dataset, "shape" | "classes">;

/** The network of a lane, for the images of a data set. */
export function modelOf(kind: LaneKind, settings: RaceSettings, { shape, classes }: Form): Model {
  const fit = { inputShape: shape, classes: classes.length };
  const { depth, batchNorm } = settings;
  switch (kind) {
    case "plain":
      return stacked({ ...fit, depth, batchNorm, shortcuts: "none" });
    case "graft":
      return stacked({ ...fit, depth, batchNorm, shortcuts: "alternate" });
    case "residual":
      return stacked({ ...fit, depth, batchNorm, shortcuts: "all" });
    case "convnet":
      return convnet(fit);
    case "interleaved":
      return interleaved(fit);
    case "sequential":
      return sequential(fit);
    case "fusion":
      return fusion(fit);
    case "features":
      return features({ ...fit, frozen: [] });
    case "resnet20":
      return createModel("resnet", { ...fit, backbone: "resnet20" });
  }
}

/** The lanes of a race, each with the same optimizer and schedule. */
export function lanesOf(settings: RaceSettings, dataset: Dataset, schedule: Schedule): LaneOptions[] {
  return settings.lanes.map((kind) => ({
    name: kind,
    model: modelOf(kind, settings, dataset),
    optimizer: adamw({ lr: settings.rate, gradientNorms: true }),
    schedule,
  }));
}
