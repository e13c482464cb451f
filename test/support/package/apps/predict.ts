/** Predictions of the network that `test/bench/minimal-app.ts` trains. */
import { interleaved, loadWeights, openDevice, Predictor } from "webgraft";

async function run(): Promise<void> {
  const model = interleaved({ inputShape: [28, 28, 1], classes: 10 });
  const predictor = await Predictor.create({ gpu: await openDevice(), model });
  await loadWeights(predictor, "model.safetensors");
  console.log(await predictor.predict(new Float32Array(28 * 28)));
}
void run();
