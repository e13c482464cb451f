/** Trains a small U-Net to take the noise off digits: Ronneberger, Fischer and Brox, "U-Net", 2015. */
import {
  adamw,
  concat,
  conv2d,
  type DataSource,
  loadDataset,
  maxPool2d,
  mseLoss,
  type Named,
  type Network,
  openDevice,
  Predictor,
  Random,
  type Tensor,
  Trainer,
} from "webgraft";
import { upsample } from "../own-ops/upsample.ts";

const conv = (x: Tensor, name: string, outChannels: number): Tensor =>
  conv2d(x, name, { outChannels, kernelSize: 3, padding: 1, activation: "relu" });

const unet: Network = {
  name: "unet",
  inputs: { noisy: [28, 28, 1] },
  targets: { clean: [28, 28, 1] },
  build({ noisy }: Named) {
    const whole = conv(noisy!, "whole", 8);
    const half = conv(maxPool2d(whole, { kernelSize: 2 }), "half", 16);
    const quarter = conv(maxPool2d(half, { kernelSize: 2 }), "quarter", 32);
    // On the way up, what the pooling lost comes from the side.
    const halfAgain = conv(concat(upsample(quarter), half), "halfAgain", 16);
    const wholeAgain = conv(concat(upsample(halfAgain), whole), "wholeAgain", 8);
    return { clean: conv2d(wholeAgain, "clean", { outChannels: 1, kernelSize: 1 }) };
  },
};

/** Digits with noise and without, as bytes: the same noise in each epoch. */
async function digits(split: "train" | "test", examples: number): Promise<DataSource> {
  const { images } = await loadDataset("mnist", split, { examples });
  const random = new Random(0, split);
  const noisy = Uint8ClampedArray.from(images, (value) => value + 100 * random.normal());
  return {
    length: examples,
    batch(indices) {
      const pick = (from: ArrayLike<number>) =>
        Uint8Array.from({ length: 784 * indices.length }, (_, i) => {
          return from[784 * indices[Math.floor(i / 784)]! + (i % 784)]!;
        });
      return { noisy: pick(noisy), clean: pick(images) };
    },
  };
}

const button = document.querySelector("button")!;
const progress = document.querySelector("progress")!;
const context = document.querySelector("canvas")!.getContext("2d")!;
const say = (text: string) => document.querySelector("output")!.replaceChildren(text);

/** Draws digits of values 0…1 in a row of the canvas. */
function draw(row: number, values: readonly number[]): void {
  const picture = context.createImageData(28, 28);
  for (let digit = 0; digit < values.length / 784; digit++) {
    for (let i = 0; i < 784; i++) {
      const grey = 255 * values[784 * digit + i]!;
      picture.data.set([grey, grey, grey, 255], 4 * i);
    }
    context.putImageData(picture, 28 * digit, 28 * row);
  }
}

try {
  const gpu = await openDevice();
  const [train, test] = [await digits("train", 12_000), await digits("test", 2_000)];
  const trainer = await Trainer.create({
    gpu,
    model: unet,
    loss: (outputs: Named, targets: Named) => mseLoss(outputs.clean!, targets.clean!),
    optimizer: adamw({ lr: 3e-3 }),
    batchSize: 16,
  });
  const predictor = await Predictor.of(trainer, { batchSize: 8 });
  const shown = await test.batch(
    Uint32Array.from({ length: 8 }, (_, i) => i),
    {},
  );
  const [noisy, clean] = [shown.noisy!, shown.clean!].map((bytes) => Array.from(bytes, (byte) => byte / 255));
  const redraw = async () => {
    const predicted = await predictor.predict({ noisy: Float32Array.from(noisy!) });
    for (const [row, values] of [noisy!, [...predicted.clean!], clean!].entries()) draw(row, values);
  };

  let training: AbortController | undefined;
  button.onclick = async () => {
    if (training) return training.abort(new Error("stopped: train on whenever you like"));
    training = new AbortController();
    button.textContent = "Stop";
    try {
      await trainer.fit(train, {
        epochs: trainer.epoch + 1,
        signal: training.signal,
        async onStep({ step, totalSteps, loss }) {
          progress.value = step / totalSteps;
          say(`step ${step} of ${totalSteps}, loss ${loss.toFixed(4)}`);
          if (step % 10 === 0) await redraw();
        },
      });
      const { loss, examples } = await trainer.evaluate(test);
      await redraw();
      say(`mean squared error ${loss.toFixed(4)} of ${examples} test images`);
    } catch (error) {
      say((error as Error).message);
    }
    button.textContent = "Train";
    training = undefined;
  };
  await redraw();
  say("ready");
  button.disabled = false;
} catch (error) {
  say((error as Error).message);
}
