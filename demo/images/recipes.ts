/** How networks are made from the visitor's choices. */
import { signal } from "@preact/signals";
import type { BackboneName } from "webgraft";
import fashion from "webgraft/pretrained/resnet20-fashion.safetensors?url";
import type { Recipe } from "../worker/images-recipe.ts";

/** A file of published weights for photographs. */
export interface OwnBackbone {
  /** The file, and those that it names. */
  readonly files: readonly File[];
  readonly name: BackboneName;
  /** Height and width of the pictures that the network gets. */
  readonly side: number;
}

/** In place of the backbone that ships. */
export const ownBackbone = signal<OwnBackbone | undefined>(undefined);

export const sides = [64, 96] as const;

/**
 * Whether the backbone's last stage trains too. By default it does where the backbone has seen other things than
 * photographs: with 20 pictures of each of three digits, 86 % of the test pictures were recognised then, and 50 % if
 * only the last layer trained.
 */
export const lastStage = signal(true);

const BATCH = 16;

const RATE = 3e-3;

/** Enough for the last layer to settle, and each picture is seen so often at least and at most. */
const STEPS = 120;
const EPOCHS = { least: 5, most: 30 };

/** What the weights that ship were trained with. */
const FASHION = {
  backbone: "resnet20",
  inputShape: [28, 28, 1],
  preprocessing: { resize: 28, mode: "torch", mean: [0.286], std: [0.353] },
} as const;

/** ImageNet's constants, which published weights expect. */
const photographs = ({ name, side }: OwnBackbone) =>
  ({
    backbone: name,
    inputShape: [side, side, 3],
    preprocessing: { resize: side, mode: "torch", mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  }) as const;

/** The recipe for so many pictures to learn from, and the weights to start from. */
export function recipeFor(pictures: number): {
  readonly recipe: Recipe;
  readonly weights: string | readonly File[];
} {
  const own = ownBackbone.value;
  const epochs = Math.ceil((STEPS * BATCH) / pictures);
  return {
    weights: own?.files ?? new URL(fashion, location.href).href,
    recipe: {
      ...(own ? photographs(own) : FASHION),
      ...(lastStage.value && { unfreezeFrom: own ? 4 : 3 }),
      headLr: RATE,
      // Clothes are far from what the visitor shows, so what the last stage knows of them may go.
      backboneLr: own ? RATE / 10 : RATE,
      epochs: Math.min(Math.max(epochs, EPOCHS.least), EPOCHS.most),
      batchSize: BATCH,
      seed: 1,
    },
  };
}
