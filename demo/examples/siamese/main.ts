/** Tells same digits from different ones: Koch, Zemel and Salakhutdinov, "Siamese neural networks for one-shot …", 2015. */
import {
  adamw,
  binaryCrossEntropyWithLogits,
  conv2d,
  type DataSource,
  type Dataset,
  dense,
  flatten,
  loadDataset,
  type Metric,
  type Named,
  type Network,
  openDevice,
  Predictor,
  Random,
  reuse,
  type Tensor,
  Trainer,
} from "webgraft";
import { squaredDifference } from "./squared-difference.ts";

function embed(x: Tensor): Tensor {
  const options = { kernelSize: 3, stride: 2, padding: 1, activation: "relu" } as const;
  const half = conv2d(x, "conv1", { ...options, outChannels: 16 });
  const quarter = conv2d(half, "conv2", { ...options, outChannels: 32 });
  return dense(flatten(quarter), "embedding", { outFeatures: 32 });
}

const siamese: Network = {
  name: "siamese",
  inputs: { left: [28, 28, 1], right: [28, 28, 1] },
  targets: { same: [1] },
  build({ left, right }: Named) {
    const [a, b] = [embed(left!), reuse(right!, embed)]; // One set of weights.
    return { same: dense(squaredDifference(a, b), "same", { outFeatures: 1 }) };
  },
};

/** A pair for each image: by turns of the same class and of another. */
function pairsOf(data: Dataset): DataSource {
  const { labels, length } = data;
  const random = new Random(0, "pairs");
  const partners = Uint32Array.from(labels, (label, i) => {
    for (;;) {
      const other = random.u32() % length;
      if ((labels[other] === label) === (i % 2 === 0)) return other;
    }
  });
  return {
    length,
    batch(indices) {
      const left = data.batch(indices).images!;
      const right = data.batch(indices.map((i) => partners[i]!)).images!;
      return { left, right, same: Float32Array.from(indices, (i) => 1 - (i % 2)) };
    },
  };
}

/** Share of pairs that the sign of the logit tells right. */
const accuracy: Metric<number> = {
  sums: ({ outputs, targets, size }) => [
    outputs.same!.filter((logit, i) => Number(logit > 0) === targets.same![i]).length,
    size,
  ],
  value: ([right, all]) => right! / all!,
};

const button = document.querySelector("button")!;
const progress = document.querySelector("progress")!;
const say = (text: string) => document.querySelector("output")!.replaceChildren(text);

/** Adds a pair to the list; returns where its verdict goes. */
function show(...digits: Float32Array[]): HTMLElement {
  const item = document.createElement("li");
  const size = { width: 56, height: 28 };
  const canvas = Object.assign(document.createElement("canvas"), {
    ...size,
    role: "img",
    ariaLabel: "Two digits",
  });
  const verdict = document.createElement("span");
  const picture = new ImageData(28, 28);
  digits.forEach((values, side) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    values.forEach((value, i) => {
      const grey = (255 * (value - low)) / (high - low);
      picture.data.set([grey, grey, grey, 255], 4 * i);
    });
    canvas.getContext("2d")!.putImageData(picture, 28 * side, 0);
  });
  item.append(canvas, verdict);
  document.querySelector("ul")!.append(item);
  return verdict;
}

try {
  const gpu = await openDevice();
  const train = pairsOf(await loadDataset("mnist", "train", { examples: 12_000 }));
  const test = pairsOf(await loadDataset("mnist", "test", { examples: 2_000 }));
  const trainer = await Trainer.create({
    gpu,
    model: siamese,
    loss: (outputs: Named, targets: Named) => binaryCrossEntropyWithLogits(outputs.same!, targets.same!),
    metrics: { accuracy },
    optimizer: adamw({ lr: 2e-3 }),
    batchSize: 16,
  });
  const predictor = await Predictor.of(trainer, { batchSize: 8 });
  const indices = Uint32Array.from({ length: 8 }, (_, i) => i);
  const { left, right } = (await test.batch(indices, {})) as Record<string, Float32Array>;
  const part = (values: Float32Array, i: number) => values.subarray(784 * i, 784 * (i + 1));
  const verdicts = Array.from(indices, (i) => show(part(left!, i), part(right!, i)));
  const judge = async () => {
    const { same } = await predictor.predict({ left: left!, right: right! });
    verdicts.forEach((verdict, i) => {
      const likely = 100 / (1 + Math.exp(-Math.abs(same![i]!)));
      verdict.textContent = `${same![i]! > 0 ? "same" : "different"} (${likely.toFixed(0)} %)`;
    });
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
          if (step % 10 === 0) await judge();
        },
      });
      const { metrics, examples } = await trainer.evaluate(test);
      await judge();
      say(`${(100 * metrics.accuracy).toFixed(2)} % of ${examples} test pairs`);
    } catch (error) {
      say((error as Error).message);
    }
    button.textContent = "Train";
    training = undefined;
  };
  say("ready");
  button.disabled = false;
} catch (error) {
  say((error as Error).message);
}
