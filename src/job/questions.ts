/** What a job answers about its weights as they are. */
import { DataError } from "../base/errors.ts";
import { show } from "../base/schema.ts";
import { subset } from "../data/dataset.ts";
import { closeImages, imagesOf } from "./images.ts";
import type { JobEvent, JobQuestion, Prediction } from "./protocol.ts";
import type { Run } from "./run.ts";

type Question<T extends JobQuestion["type"]> = JobQuestion & { readonly type: T };

/** The answer to a question. Rejects with a DataError or a ShapeError for one that makes no sense. */
export async function answer(run: Run, question: JobQuestion): Promise<JobEvent> {
  try {
    await run.cache?.finish();
    const { id } = question;
    return { ...(await about(run, question)), ...(id !== undefined && { id }) };
  } finally {
    closeImages(question);
  }
}

function about(run: Run, question: JobQuestion): Promise<JobEvent> {
  switch (question.type) {
    case "predict":
      return predict(run, question);
    case "activations":
      return activations(run, question);
    case "filters":
      return filters(run, question);
  }
}

async function predict({ gpu, trainer, test }: Run, question: Question<"predict">): Promise<JobEvent> {
  const given = await imagesOf(question, "predict", test, gpu);
  const { length, images, labels } = given;
  // Full batches use the evaluation's compiled plan; any other size would need to be compiled.
  const batch = Math.min(trainer.batchSize, test.length);
  const filled = { length: Math.ceil(length / batch) * batch };
  const probabilities = await trainer.predict(
    subset(
      given,
      Array.from(filled, (_, i) => (i < length ? i : 0)),
    ),
  );
  const [classes, size] = [test.classes.length, images.length / length];
  return {
    type: "predictions",
    step: trainer.step,
    predictions: Array.from(
      { length },
      (_, i): Prediction => ({
        ...("indices" in question && { index: question.indices[i]!, label: labels[i]! }),
        probabilities: [...probabilities.subarray(i * classes, (i + 1) * classes)],
        pixels: images.slice(i * size, (i + 1) * size),
      }),
    ),
  };
}

async function activations(
  { gpu, trainer, test }: Run,
  question: Question<"activations">,
): Promise<JobEvent> {
  const { layer } = question;
  const images = await imagesOf(question, "activations", test, gpu);
  const { [layer]: made } = await trainer.activations(images, [layer]);
  return { type: "activations", step: trainer.step, layer, ...made! };
}

async function filters({ trainer }: Run, { layer }: Question<"filters">): Promise<JobEvent> {
  const weight = trainer.weights.find(({ name }) => name === `${layer}.weight`);
  if (!weight) {
    const known = trainer.weights.flatMap(({ name }) => (name.endsWith(".weight") ? name.slice(0, -7) : []));
    throw new DataError(`filters: layer must be one with a weight, ${known.join(", ")} — got ${show(layer)}`);
  }
  const { tensor } = weight;
  const [values] = await trainer.variables.read([tensor]);
  return { type: "filters", step: trainer.step, layer, shape: tensor.shape, values: values! };
}
