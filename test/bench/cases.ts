/** The networks on which the library and its peers are timed. To add one, add an entry. */
import { interleaved, type Model, resnet, vgg } from "webgraft";

export type Task = "training" | "inference";

export interface Case {
  readonly network: string;
  readonly task: Task;
  readonly batch: number;
  model(): Model;
  /** Names of files in peers/. */
  readonly peers: readonly string[];
  /** Minutes a step on an emulated GPU: measured only when it is named. */
  readonly large?: boolean;
}

const TRAINERS = ["jax", "tfjs"] as const;

/** By name, as for `--only`. */
export const CASES: Readonly<Record<string, Case>> = {
  "interleaved-32": {
    network: "interleaved, 28×28×3",
    task: "training",
    batch: 32,
    model: () => interleaved(),
    peers: TRAINERS,
  },
  "interleaved-128": {
    network: "interleaved, 28×28×3",
    task: "training",
    batch: 128,
    model: () => interleaved(),
    peers: TRAINERS,
  },
  "resnet18-training": {
    network: "resnet18, 32×32×3",
    task: "training",
    batch: 16,
    model: () => resnet(18, { inputShape: [32, 32, 3], classes: 10 }),
    peers: TRAINERS,
  },
  "vgg-training": {
    network: "vgg11 of 3 stages, 32×32×3",
    task: "training",
    batch: 16,
    model: () =>
      vgg(11, { inputShape: [32, 32, 3], classes: 10, stages: 3, width: 32, hidden: 256, dropout: 0 }),
    peers: TRAINERS,
  },
  "resnet18-inference": {
    network: "resnet18, 224×224×3",
    task: "inference",
    batch: 1,
    model: () => resnet(18),
    peers: ["ort"],
  },
  "resnet50-inference": {
    network: "resnet50, 224×224×3",
    task: "inference",
    batch: 1,
    model: () => resnet(50),
    peers: ["ort"],
  },
  "interleaved-1024": {
    network: "interleaved, 28×28×3",
    task: "training",
    batch: 1024,
    model: () => interleaved(),
    peers: [],
    large: true,
  },
  "resnet18-224": {
    network: "resnet18, 224×224×3",
    task: "training",
    batch: 32,
    model: () => resnet(18),
    peers: [],
    large: true,
  },
  "resnet50-224": {
    network: "resnet50, 224×224×3",
    task: "training",
    batch: 16,
    model: () => resnet(50),
    peers: [],
    large: true,
  },
};

/** The case for the cold start. */
export const COLD_CASE = "interleaved-32";
