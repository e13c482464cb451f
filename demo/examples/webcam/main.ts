/** Teaches a network to tell apart what the camera sees, in 40 lines. The classes are those of the page. */
import { datasetFromImages, finetune, framesOf, openDevice, Predictor, Trainer } from "webgraft";
import weights from "webgraft/pretrained/resnet20-fashion.safetensors?url";

const classes = [...document.querySelectorAll("li")];
const button = (name: string) => document.querySelector<HTMLButtonElement>(`#${name}`)!;
const say = (text: string) => document.querySelector("output")!.replaceChildren(text);
const pictures: { image: ImageBitmap; label: number }[] = [];

try {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
  document.querySelector("video")!.srcObject = stream;
  const gpu = await openDevice();
  const preprocessing = { resize: 28, mode: "torch", mean: [0.286], std: [0.353] } as const;
  const options = { inputShape: [28, 28, 1], preprocessing, unfreezeFrom: 3 } as const;
  const tuning = finetune("resnet20", { ...options, classes: classes.length });
  const trainer = await Trainer.create({ gpu, batchSize: 8, ...tuning });
  await tuning.load(trainer, weights);
  const predictor = await Predictor.of(trainer);

  button("train").onclick = async () => {
    const training = new AbortController();
    button("stop").onclick = () => training.abort(new Error("stopped"));
    const onStep = (now: { step: number; loss: number }) =>
      say(`step ${now.step}, loss ${now.loss.toFixed(3)}`);
    await datasetFromImages(gpu, trainer.model, pictures)
      .then((data) => trainer.fit(data, { epochs: trainer.epoch + 10, onStep, signal: training.signal }))
      .catch((error: Error) => say(error.message));
  };
  say("ready");

  for await (const image of framesOf(stream)) {
    const held = classes.findIndex((each) => each.querySelector("button:active"));
    if (held >= 0) {
      pictures.push({ image, label: held });
      classes[held]!.querySelector("progress")!.value++;
    } else {
      const likely = trainer.step > 0 ? await predictor.classify([image]) : [];
      for (const [i, each] of classes.entries()) each.querySelector("meter")!.value = likely[i] ?? 0;
      image.close();
    }
  }
} catch (error) {
  say((error as Error).message);
}
