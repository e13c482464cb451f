/** What shortcuts are worth in depth: `stacked` networks, all alike but for their shortcuts. See study.ts. */
import {
  adamw,
  type Dataset,
  decodeSafetensors,
  type Gpu,
  loadDataset,
  oneCycle,
  stacked,
  Trainer,
  take,
} from "webgraft";
import type { Outcome, Setting } from "./setting.ts";

const BETAS = [0.9, 0.999] as const;

/**
 * Trains and tests one network. The last batch of an epoch is smaller where the batch size does not divide the images:
 * 1,000 images are 31 batches of 32 and one of 8.
 */
export async function runSetting(gpu: Gpu, setting: Setting): Promise<Outcome> {
  const { dataset, images, testImages, epochs, batchSize, learningRate, seed } = setting;
  const { depth, shortcuts, widths, batchNorm } = setting;
  const [train, test] = await Promise.all([
    loadDataset(dataset, "train", { examples: images }),
    loadDataset(dataset, "test", { examples: testImages }),
  ]);
  const started = performance.now();
  const { shape: inputShape, classes } = train;
  const trainer = await Trainer.create({
    gpu,
    model: stacked({ inputShape, classes: classes.length, depth, shortcuts, widths, batchNorm }),
    seed,
    batchSize,
    optimizer: adamw({ lr: learningRate, betas: BETAS }),
    schedule: oneCycle(),
  });
  try {
    const gradient = await gradientNorms(trainer, take(train, batchSize), depth);
    const { steps } = await trainer.fit(train, { epochs });
    const losses = steps.map(({ loss }) => loss);
    const last = steps.filter(({ epoch }) => epoch === epochs);
    const seen = last.reduce((sum, { examples }) => sum + examples, 0);
    const { accuracy, loss: testLoss } = await trainer.evaluate(test);
    return {
      adapter: gpu.adapter,
      accuracy,
      testLoss,
      parameters: trainer.parameterCount,
      steps: steps.length,
      loss: {
        first: losses[0]!,
        highest: Math.max(...losses),
        lastEpoch: last.reduce((sum, { loss, examples }) => sum + loss * examples, 0) / seen,
      },
      gradient,
      seconds: Math.round((performance.now() - started) / 100) / 10,
    };
  } finally {
    await trainer.destroy();
  }
}

/** From AdamW's first moments after one step, (1 − β₁) times the gradient; then the trainer is as it was before. */
async function gradientNorms(trainer: Trainer, batch: Dataset, depth: number): Promise<Outcome["gradient"]> {
  const before = await trainer.checkpoint();
  await trainer.fit(batch, { epochs: 1 });
  const { tensors } = decodeSafetensors(await trainer.checkpoint(), "checkpoint");
  trainer.restore(before);
  const norm = (layer: string): number => {
    const { bytes } = tensors.get(`optimizer.first.${layer}.weight`)!;
    return Math.hypot(...new Float32Array(bytes.slice().buffer)) / (1 - BETAS[0]);
  };
  return { first: norm("conv1"), last: norm(`layer3.${(depth - 2) / 6 - 1}.conv2`) };
}
