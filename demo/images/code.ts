import { counted } from "../app/words.ts";
import type { Trained } from "../worker/images-events.ts";

/** The code that does again what was done here: the file that the worker ran, with these settings. */
export async function writeCode({ labels, trainImages, confusion, recipe }: Trained): Promise<string> {
  const { default: source } = await import("../worker/images-recipe.ts?raw");
  const testImages = confusion.flat().reduce((sum, count) => sum + count, 0);
  const weights =
    recipe.backbone === "resnet20"
      ? "ship with the library: webgraft/pretrained/resnet20-fashion.safetensors"
      : "are in the file that you chose";
  const settings = JSON.stringify(recipe, null, 2).replace(/"(\w+)":/g, "$1:");
  return `import { openDevice, saveModel } from "webgraft";
${source}
// What was done here, with ${counted(trainImages, "picture")} to learn from and ${testImages} to test with.

export const classes = ${JSON.stringify(labels)};

export const recipe: Recipe = ${settings};

/**
 * Trains the same network again and returns it as a model file: give the pictures of each class in the order in which
 * you added them. The backbone's weights ${weights}.
 */
export async function rebuild(pictures: readonly (readonly Blob[])[], weights: PretrainedSource) {
  const gpu = await openDevice();
  const byClass: PixelImage[][] = classes.map(() => []);
  for (const [label, files] of pictures.entries()) {
    for (const file of files) byClass[label]!.push(await shrink(file));
  }
  const { trainer, tested } = await fineTune(gpu, weights, classes, split(byClass), recipe);
  console.log(\`\${(100 * tested.accuracy).toFixed(1)} % of \${tested.examples} test pictures\`);
  const file = await saveModel(trainer, { labels: classes });
  await trainer.destroy();
  gpu.destroy();
  return file;
}
`;
}
