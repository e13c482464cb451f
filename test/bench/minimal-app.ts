/** A minimal training app with this library, which `sizes.ts` bundles. No `await` at the top, for which webpack adds code. */
import { adamw, createDataset, interleaved, openDevice, Trainer } from "webgraft";

async function run(): Promise<void> {
  const trainer = await Trainer.create({
    gpu: await openDevice(),
    model: interleaved({ inputShape: [28, 28, 1], classes: 10 }),
    optimizer: adamw({ lr: 3e-3 }),
    batchSize: 16,
  });
  const images = new Uint8Array(await (await fetch("images")).arrayBuffer());
  const labels = new Uint8Array(await (await fetch("labels")).arrayBuffer());
  const classes = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
  const digits = createDataset({
    name: "digits",
    shape: [28, 28, 1],
    classes,
    images,
    labels: Int32Array.from(labels),
  });
  await trainer.fit(digits, { epochs: 1 });
}
void run();
