/**
 * A network in jax-js, with the whole step in one `jit`. jax-js has no batch norm, so it is composed of means; running
 * statistics, which training does not read, are left out.
 *
 * A function consumes the arrays passed to it; `.ref` keeps an array for another use.
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
import type { Contestant, Problem } from "../page/contestant.ts";
import { channelsFirst } from "../page/layout.ts";
import type { Layer } from "../page/network.ts";

type Arrays = Record<string, np.Array>;

export default async function makeJax(problem: Problem): Promise<Contestant> {
  if (!(await init("webgpu")).includes("webgpu")) throw new Error("jax-js: no WebGPU");
  defaultDevice("webgpu");
  const { batch, layers, model, learningRate, momentum } = problem;
  const [height, width, channels] = model.inputShape;

  const step = jit((weights: Arrays, velocity: Arrays, x: np.Array, target: np.Array) => {
    const lossOf = (w: Arrays, images: np.Array, y: np.Array): np.Array =>
      nn
        .logSoftmax(logitsOf(layers, w, images))
        .mul(y)
        .sum(-1)
        .mean()
        .neg();
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(weights), x, target);
    const velocities: Arrays = {};
    const updated: Arrays = {};
    for (const name of Object.keys(weights)) {
      velocities[name] = velocity[name]!.mul(momentum).add(gradients[name]!);
      updated[name] = weights[name]!.sub(velocities[name].ref.mul(learningRate));
    }
    return [updated, velocities, loss] as [Arrays, Arrays, np.Array];
  });

  let weights: Arrays = {};
  let velocity: Arrays = {};
  for (const [name, { shape, data }] of problem.weights) {
    if (name.includes("running_")) continue;
    weights[name] = np.array(data).reshape([...shape]);
    velocity[name] = np.zeros([...shape]);
  }
  const x = np.array(channelsFirst(problem)).reshape([batch, channels, height, width]);
  const target = nn.oneHot(np.array(problem.labels, { dtype: np.int32 }), model.classes);
  return {
    name: "jax-js 0.1.25",
    async run() {
      const [updated, velocities, loss] = step(weights, velocity, x.ref, target.ref);
      weights = updated;
      velocity = velocities;
      const value = await loss.data();
      await getWebGPUDevice().queue.onSubmittedWorkDone();
      return value as Float32Array;
    },
  };
}

function logitsOf(layers: readonly Layer[], w: Arrays, images: np.Array): np.Array {
  const values = new Map([["images", images]]);
  const uses = new Map<string, number>();
  for (const layer of layers) for (const name of inputsOf(layer)) uses.set(name, (uses.get(name) ?? 0) + 1);
  /** Takes a value, which its last use consumes. */
  const take = (name: string): np.Array => {
    const left = uses.get(name)! - 1;
    uses.set(name, left);
    return left > 0 ? values.get(name)!.ref : values.get(name)!;
  };
  for (const layer of layers) values.set(layer.y, apply(layer, w, take));
  return values.get(layers.at(-1)!.y)!;
}

const inputsOf = (layer: Layer): string[] => (layer.op === "add" ? [layer.x, layer.other] : [layer.x]);

function apply(layer: Layer, w: Arrays, take: (name: string) => np.Array): np.Array {
  const x = take(layer.x);
  switch (layer.op) {
    case "conv2d": {
      const { stride, padding } = layer;
      const y = lax.conv(
        x,
        w[layer.weight]!,
        [stride, stride],
        [
          [padding, padding],
          [padding, padding],
        ],
      );
      return layer.bias ? y.add(channel(w[layer.bias]!)) : y;
    }
    case "batch_norm": {
      const centred = x.ref.sub(np.mean(x, [0, 2, 3], { keepdims: true }));
      const variance = np.mean(np.square(centred.ref), [0, 2, 3], { keepdims: true });
      const normalised = centred.div(np.sqrt(variance.add(layer.eps)));
      return normalised.mul(channel(w[layer.weight]!)).add(channel(w[layer.bias]!));
    }
    case "add":
      return x.add(take(layer.other));
    case "relu":
      return nn.relu(x);
    case "max_pool2d": {
      const { size, stride, padding } = layer;
      // Zeros will do, since pools here follow a ReLU.
      const pads: [number, number][] = [
        [0, 0],
        [0, 0],
        [padding, padding],
        [padding, padding],
      ];
      const padded = padding > 0 ? np.pad(x, pads) : x;
      return lax.reduceWindow(padded, (window) => np.max(window), [size, size], [stride, stride]);
    }
    case "global_avg_pool":
      return np.mean(x, [2, 3]);
    case "flatten":
      return x.reshape([x.shape[0]!, -1]);
    case "dense": {
      const y = np.dot(x, w[layer.weight]!.transpose());
      return layer.bias ? y.add(w[layer.bias]!) : y;
    }
  }
}

const channel = (vector: np.Array): np.Array => vector.reshape([1, -1, 1, 1]);
