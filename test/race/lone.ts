import { type Dataset, type StepInfo, Trainer, type TrainerOptions } from "webgraft";

/** What a trainer alone does with `fit`: its steps without times, its accuracy after them, all it would save. */
export async function lone(
  options: TrainerOptions,
  { train, test, epochs }: { readonly train: Dataset; readonly test: Dataset; readonly epochs: number },
): Promise<{
  readonly steps: readonly Omit<StepInfo, "milliseconds">[];
  readonly accuracy: number;
  readonly saved: readonly Float32Array[];
}> {
  const trainer = await Trainer.create(options);
  const history = await trainer.fit(train, { epochs });
  const steps = history.steps.map(({ milliseconds, ...info }) => info);
  const { accuracy } = await trainer.evaluate(test);
  const saved = await trainer.variables.read(trainer.saved.map(({ tensor }) => tensor));
  await trainer.destroy();
  return { steps, accuracy, saved };
}
