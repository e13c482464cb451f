/** The interleaved network in TensorFlow.js, from its core ops; running statistics are left out, as in `jax.ts`. */
import "@tensorflow/tfjs-backend-webgpu";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import * as tf from "@tensorflow/tfjs-core";
import type { Contestant, Problem, Weight } from "../contestant.ts";

type Weights = ReadonlyMap<string, tf.Variable>;

const EPS = 1e-5;

export default async function makeTfjs(problem: Problem): Promise<Contestant> {
  if (!(await tf.setBackend("webgpu"))) throw new Error("TensorFlow.js: no WebGPU");
  const { batch, size, channels, classes, learningRate, momentum } = problem;
  const weights = new Map(
    [...problem.weights].map(([name, weight]) => [
      name,
      tf.variable(channelsLast(weight, size / 4), true, name),
    ]),
  );
  const x = tf.tensor4d(problem.images, [batch, size, size, channels]);
  const target = tf.oneHot(tf.tensor1d(problem.labels, "int32"), classes, 1, 0, "float32");
  const optimizer = tf.train.momentum(learningRate, momentum);
  return {
    name: `TensorFlow.js ${tf.version_core}`,
    async step() {
      const loss = optimizer.minimize(() => lossOf(weights, x, target), true)!;
      const [value] = await loss.data();
      loss.dispose();
      const { device } = tf.backend() as unknown as { device: GPUDevice };
      await device.queue.onSubmittedWorkDone();
      return value!;
    },
  };
}

/** Mean cross-entropy of the network's logits. */
function lossOf(w: Weights, x: tf.Tensor4D, target: tf.Tensor): tf.Scalar {
  let y = tf.add(conv(w, "conv1", x, 1), w.get("conv1.bias")!) as tf.Tensor4D;
  y = block(w, "block1", y);
  y = tf.add(conv(w, "conv2", y, 1), w.get("conv2.bias")!) as tf.Tensor4D;
  y = block(w, "block2", y);
  const flat = tf.reshape(y, [y.shape[0], -1]) as tf.Tensor2D;
  const logits = tf.add(tf.matMul(flat, w.get("fc.weight") as tf.Variable<tf.Rank.R2>), w.get("fc.bias")!);
  return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), target), -1)));
}

function block(w: Weights, name: string, x: tf.Tensor4D): tf.Tensor4D {
  const inner = tf.relu(batchNorm(w, `${name}.bn1`, conv(w, `${name}.conv1`, x, 2)));
  const main = batchNorm(w, `${name}.bn2`, conv(w, `${name}.conv2`, inner, 1));
  const shortcut = batchNorm(w, `${name}.downsample.1`, conv(w, `${name}.downsample.0`, x, 2));
  return tf.relu(tf.add(main, shortcut));
}

/** Padding is given as PyTorch has it: "same" would pad stride 2 on the other side. */
function conv(w: Weights, name: string, x: tf.Tensor4D, stride: number): tf.Tensor4D {
  const weight = w.get(`${name}.weight`) as tf.Variable<tf.Rank.R4>;
  const pad = (weight.shape[0] - 1) / 2;
  return tf.conv2d(x, weight, stride, pad, "NHWC", 1, "floor");
}

function batchNorm(w: Weights, name: string, x: tf.Tensor4D): tf.Tensor4D {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  const vector = (key: string) => w.get(`${name}.${key}`) as tf.Variable<tf.Rank.R1>;
  return tf.batchNorm4d(
    x,
    mean as tf.Tensor1D,
    variance as tf.Tensor1D,
    vector("bias"),
    vector("weight"),
    EPS,
  );
}

/** [K, C, R, S] → (R, S, C, K); [K, C·H·W] → (H·W·C, K) for maps of `size` × `size`. */
function channelsLast({ shape, values }: Weight, size: number): tf.Tensor {
  const weight = tf.tensor(values, [...shape]);
  if (shape.length === 4) return tf.transpose(weight, [2, 3, 1, 0]);
  if (shape.length === 1) return weight;
  const [K, rows] = shape as [number, number];
  const maps = tf.reshape(weight, [K, rows / size ** 2, size, size]);
  return tf.reshape(tf.transpose(maps, [2, 3, 1, 0]), [rows, K]);
}
