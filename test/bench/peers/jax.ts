/**
 * The interleaved network in jax-js: the whole step is one `jit`. jax-js has no batch norm, so it is composed
 * from means; running statistics, which training does not read, are left out.
 *
 * Arrays are consumed by the function they are passed to; `.ref` keeps one for another use.
 */
import {
  defaultDevice,
  getWebGPUDevice,
  init,
  jit,
  lax,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
} from "@jax-js/jax";
import type { Contestant, Problem } from "../contestant.ts";

type Weights = Record<string, np.Array>;

const EPS = 1e-5;
const PAD_1: [number, number][] = [
  [1, 1],
  [1, 1],
];
const PAD_0: [number, number][] = [
  [0, 0],
  [0, 0],
];

export default async function makeJax(problem: Problem): Promise<Contestant> {
  if (!(await init("webgpu")).includes("webgpu")) throw new Error("jax-js: no WebGPU");
  defaultDevice("webgpu");
  const { batch, size, channels, classes, learningRate, momentum } = problem;

  const step = jit((weights: Weights, velocity: Weights, x: np.Array, target: np.Array) => {
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(weights), x, target);
    const velocities: Weights = {};
    const updated: Weights = {};
    for (const name of Object.keys(weights)) {
      velocities[name] = velocity[name]!.mul(momentum).add(gradients[name]!);
      updated[name] = weights[name]!.sub(velocities[name].ref.mul(learningRate));
    }
    return [updated, velocities, loss] as [Weights, Weights, np.Array];
  });

  let weights: Weights = {};
  let velocity: Weights = {};
  for (const [name, { shape, values }] of problem.weights) {
    weights[name] = np.array(values).reshape([...shape]);
    velocity[name] = np.zeros([...shape]);
  }
  const x = np.array(channelsFirst(problem)).reshape([batch, channels, size, size]);
  const target = nn.oneHot(np.array(problem.labels, { dtype: np.int32 }), classes);
  return {
    name: "jax-js 0.1.25",
    async step() {
      const [updated, velocities, loss] = step(weights, velocity, x.ref, target.ref);
      weights = updated;
      velocity = velocities;
      const [value] = await loss.data();
      await getWebGPUDevice().queue.onSubmittedWorkDone();
      return value!;
    },
  };
}

/** Mean cross-entropy of the network's logits. */
function lossOf(w: Weights, x: np.Array, target: np.Array): np.Array {
  let y = biased(lax.conv(x, take(w, "conv1.weight"), [1, 1], PAD_1), take(w, "conv1.bias"));
  y = block(w, "block1", y);
  y = biased(lax.conv(y, take(w, "conv2.weight"), [1, 1], PAD_1), take(w, "conv2.bias"));
  y = block(w, "block2", y);
  const flat = y.reshape([y.shape[0]!, -1]);
  const logits = np.dot(flat, take(w, "fc.weight").transpose()).add(take(w, "fc.bias"));
  return nn.logSoftmax(logits).mul(target).sum(-1).mean().neg();
}

function block(w: Weights, name: string, x: np.Array): np.Array {
  const shortcut = lax.conv(x.ref, take(w, `${name}.downsample.0.weight`), [2, 2], PAD_0);
  let y = lax.conv(x, take(w, `${name}.conv1.weight`), [2, 2], PAD_1);
  y = nn.relu(batchNorm(w, `${name}.bn1`, y));
  y = lax.conv(y, take(w, `${name}.conv2.weight`), [1, 1], PAD_1);
  return nn.relu(batchNorm(w, `${name}.bn2`, y).add(batchNorm(w, `${name}.downsample.1`, shortcut)));
}

function batchNorm(w: Weights, name: string, x: np.Array): np.Array {
  const centred = x.ref.sub(np.mean(x, [0, 2, 3], { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), [0, 2, 3], { keepdims: true });
  const normalised = centred.div(np.sqrt(variance.add(EPS)));
  return biased(normalised.mul(channel(take(w, `${name}.weight`))), take(w, `${name}.bias`));
}

const channel = (vector: np.Array): np.Array => vector.reshape([1, -1, 1, 1]);
const biased = (x: np.Array, bias: np.Array): np.Array => x.add(channel(bias));

/** Each weight is used once, so its use consumes it. */
const take = (w: Weights, name: string): np.Array => w[name]!;

/** jax-js convolves (N, C, H, W). */
function channelsFirst({ images, batch, size, channels }: Problem): Float32Array<ArrayBuffer> {
  const pixels = size * size;
  const result = new Float32Array(images.length);
  for (let n = 0; n < batch; n++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let c = 0; c < channels; c++) {
        result[(n * channels + c) * pixels + pixel] = images[(n * pixels + pixel) * channels + c]!;
      }
    }
  }
  return result;
}
