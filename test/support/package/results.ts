/**
 * Hands on what the library returns, as apps do. Since TypeScript 5.9, files, responses and GPU buffers take no array
 * that might lie in shared memory, so it must be known that results do not.
 */
import {
  type BatchLoader,
  type Dataset,
  encodeSafetensors,
  exportOnnx,
  interleaved,
  modelFile,
  type Predictor,
  type Preprocessor,
  type Session,
  saveModel,
  saveWeights,
  type Trainer,
  type Variables,
} from "webgraft";
import type { JobEvent } from "webgraft/job";
import { liveScalars, pad, unpad } from "webgraft/kernels";

type Plain = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

export async function* results(
  trainer: Trainer,
  predictor: Predictor,
  preprocessor: Preprocessor,
  session: Session,
  variables: Variables,
  loader: BatchLoader,
  dataset: Dataset,
  event: JobEvent & { type: "checkpoint" },
  answer: JobEvent & { type: "predictions" },
  maps: JobEvent & { type: "activations" },
): AsyncGenerator<Plain> {
  const values = new Float32Array(4);
  yield pad(values, [4]);
  yield unpad(values, [4]);
  yield liveScalars({ step: 1, seed: 1, learningRate: 1 });
  yield await predictor.predict(values);
  yield await predictor.classify([]);
  yield await preprocessor.read([]);
  yield* await variables.read([]);
  yield* Object.values(await session.submit({}, { step: 1, seed: 1, learningRate: 1 }));
  const { images, labels } = loader.batch(0, 0);
  yield* [images, labels];
  yield await trainer.predict(dataset);
  yield await trainer.checkpoint();
  yield await saveModel(trainer);
  yield await saveWeights(trainer);
  yield modelFile(event.bytes);
  yield encodeSafetensors(new Map());
  yield exportOnnx(interleaved({ inputShape: [28, 28, 1], classes: 10 }), new Map());
  yield event.bytes;
  for (const { pixels } of answer.predictions) yield pixels;
  yield maps.values;
}
