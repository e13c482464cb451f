/** What a job answers about its weights as they are. */
import { subset } from "../data/dataset.ts";
import { imagesOf } from "./images.ts";
import type { JobEvent, JobQuestion, Prediction } from "./protocol.ts";
import type { Run } from "./run.ts";

/** The answer to a question. Rejects with a DataError for one that makes no sense. */
export async function answer(run: Run, question: JobQuestion): Promise<JobEvent> {
  const { id } = question;
  await run.cache?.finish();
  return { ...(await predict(run, question)), ...(id !== undefined && { id }) };
}

async function predict({ gpu, trainer, test }: Run, question: JobQuestion): Promise<JobEvent> {
  const given = await imagesOf(question, question.type, test, gpu);
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
