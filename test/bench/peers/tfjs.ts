/** A network in TensorFlow.js, made of its core ops; running statistics are left out, as in `jax.ts`. */
import "@tensorflow/tfjs-backend-webgpu";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import * as tf from "@tensorflow/tfjs-core";
import type { Contestant, Problem, Weight } from "../page/contestant.ts";
import type { Layer } from "../page/network.ts";

type Weights = ReadonlyMap<string, tf.Variable>;

export default async function makeTfjs(problem: Problem): Promise<Contestant> {
  if (!(await tf.setBackend("webgpu"))) throw new Error("TensorFlow.js: no WebGPU");
  const { batch, layers, model, learningRate, momentum } = problem;
  const weights = new Map<string, tf.Variable>();
  for (const [name, weight] of problem.weights) {
    if (name.includes("running_")) continue;
    const map = problem.variables.find((variable) => variable.name === name)?.flattened;
    weights.set(name, tf.variable(channelsLast(weight, map), true, name));
  }
  const x = tf.tensor4d(problem.images, [batch, ...model.inputShape]);
  const target = tf.oneHot(tf.tensor1d(problem.labels, "int32"), model.classes, 1, 0, "float32");
  const optimizer = tf.train.momentum(learningRate, momentum);
  const lossOf = (): tf.Scalar =>
    tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logitsOf(layers, weights, x)), target), -1)));
  return {
    name: `TensorFlow.js ${tf.version_core}`,
    async run() {
      const loss = optimizer.minimize(lossOf, true)!;
      const value = await loss.data();
      loss.dispose();
      const { device } = tf.backend() as unknown as { device: GPUDevice };
      await device.queue.onSubmittedWorkDone();
      return value as Float32Array;
    },
  };
}

function logitsOf(layers: readonly Layer[], weights: Weights, images: tf.Tensor): tf.Tensor2D {
  const values = new Map([["images", images]]);
  for (const layer of layers) values.set(layer.y, apply(layer, weights, values));
  return values.get(layers.at(-1)!.y)! as tf.Tensor2D;
}

function apply(layer: Layer, weights: Weights, values: ReadonlyMap<string, tf.Tensor>): tf.Tensor {
  const x = values.get(layer.x)! as tf.Tensor4D;
  switch (layer.op) {
    case "conv2d": {
      // PyTorch's padding in numbers: "same" would pad on the other side at stride 2.
      const weight = weights.get(layer.weight) as tf.Variable<tf.Rank.R4>;
      const y = tf.conv2d(x, weight, layer.stride, layer.padding, "NHWC", 1, "floor");
      return layer.bias ? tf.add(y, weights.get(layer.bias)!) : y;
    }
    case "batch_norm": {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      const [offset, scale] = [layer.bias, layer.weight].map((name) => weights.get(name));
      return tf.batchNorm4d(
        x,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        offset as tf.Variable<tf.Rank.R1>,
        scale as tf.Variable<tf.Rank.R1>,
        layer.eps,
      );
    }
    case "add":
      return tf.add(x, values.get(layer.other)!);
    case "relu":
      return tf.relu(x);
    case "max_pool2d":
      return tf.maxPool(x, layer.size, layer.stride, layer.padding, "floor");
    case "global_avg_pool":
      return tf.mean(x, [1, 2]);
    case "flatten":
      return tf.reshape(x, [x.shape[0], -1]);
    case "dense": {
      const y = tf.matMul(x as tf.Tensor, weights.get(layer.weight)!);
      return layer.bias ? tf.add(y, weights.get(layer.bias)!) : y;
    }
  }
}

/** [K, C, R, S] → (R, S, C, K); [K, C·H·W] → (H·W·C, K) for a flattened map of (H, W, C). */
function channelsLast(
  { shape, data }: Weight,
  map: readonly [number, number, number] | undefined,
): tf.Tensor {
  const weight = tf.tensor(data, [...shape]);
  if (shape.length === 4) return tf.transpose(weight, [2, 3, 1, 0]);
  if (shape.length === 1) return weight;
  const [K, rows] = shape as [number, number];
  const [H, W, C] = map ?? [1, 1, rows];
  return tf.reshape(tf.transpose(tf.reshape(weight, [K, C, H, W]), [2, 3, 1, 0]), [rows, K]);
}
