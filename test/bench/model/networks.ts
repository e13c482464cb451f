/** The training steps that the step model and the heuristics' table are about. */
import type { Dispatch } from "../../../src/graph/op.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { interleaved, type Model, mobilenetV2, resnet } from "../../../src/models/index.ts";
import { programOf } from "../../support/models/programs.ts";

interface ModelledNetwork {
  readonly model: () => Model;
  readonly batch: number;
}

export const NETWORKS: Readonly<Record<string, ModelledNetwork>> = {
  "resnet18, 224×224, batch 32": { model: () => resnet(18), batch: 32 },
  "resnet50, 224×224, batch 16": { model: () => resnet(50), batch: 16 },
  "mobilenetV2, 224×224, batch 32": { model: () => mobilenetV2(), batch: 32 },
  "resnet20, 32×32, batch 128": { model: () => resnet(20), batch: 128 },
  "interleaved, 28×28, batch 32": { model: () => interleaved(), batch: 32 },
};

/** The launches of a training step (SGD with momentum) that the heuristics choose for a device. */
export function launchesOn(device: Capabilities, network: string): readonly Dispatch[] {
  const { model, batch } = NETWORKS[network]!;
  return programOf(model(), batch, "train", { device }).dispatches;
}
