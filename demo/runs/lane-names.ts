/** How the page speaks of the networks that can race. */
import type { LaneKind } from "./settings.ts";

/** What a network is made of, which decides its colour everywhere. */
export type Origin = "conv" | "res" | "graft";

export interface LaneName {
  readonly name: string;
  readonly origin: Origin;
  /** What it is, in a line. */
  readonly what: string;
}

export const laneNames: Readonly<Record<LaneKind, LaneName>> = {
  plain: { name: "Plain", origin: "conv", what: "A ConvNet: a stack of convolutions without a shortcut." },
  graft: {
    name: "Grafted",
    origin: "graft",
    what: "The same stack; every second pair of convolutions has a shortcut.",
  },
  residual: {
    name: "Residual",
    origin: "res",
    what: "The same stack; every pair has a shortcut, as in a ResNet.",
  },
  convnet: {
    name: "Small ConvNet",
    origin: "conv",
    what: "Six convolutions without a shortcut: what Interleaved is measured against.",
  },
  interleaved: {
    name: "Interleaved",
    origin: "graft",
    what: "First hybrid: convolutions and residual blocks in turn.",
  },
  sequential: {
    name: "Sequential",
    origin: "graft",
    what: "Second hybrid: a small ConvNet, and behind it a whole ResNet.",
  },
  features: {
    name: "On features",
    origin: "graft",
    what: "Second hybrid, turned round: a shallow ConvNet behind a ResNet, on its features.",
  },
  fusion: {
    name: "Fusion",
    origin: "graft",
    what: "Third hybrid: a ResNet and a VGG side by side, their features joined.",
  },
  resnet20: { name: "ResNet-20", origin: "res", what: "The published ResNet for small images, 20 layers." },
};
