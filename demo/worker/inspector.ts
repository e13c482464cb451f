import {
  type Activations,
  type Confusion,
  crossEntropy,
  type Dataset,
  drawPlan,
  Graph,
  type LaunchTime,
  type Layer,
  layersOf,
  lower,
  openSession,
  pad,
  subset,
  type Trainer,
  Variables,
} from "webgraft";
import { imageOf } from "./image.ts";
import type { RaceHost } from "./race-host.ts";

/** What does not change while a lane learns. */
export interface LaneAbout {
  readonly layers: readonly Layer[];
  /** An SVG picture. */
  readonly memory: string;
  readonly launches: readonly { readonly label: string; readonly kernel: string }[];
  readonly parameters: number;
}

/** The GPU that the race runs on. */
export interface DeviceAbout {
  readonly adapter: string;
  readonly features: readonly string[];
  readonly limits: readonly (readonly [name: string, value: number])[];
}

/** Limits that decide what fits. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupsPerDimension",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** Looks into the lanes of a race, between their steps. Everything resolves with undefined while no lanes are there. */
export class Inspector {
  readonly #host: () => RaceHost | undefined;

  constructor(host: () => RaceHost | undefined) {
    this.#host = host;
  }

  about(lane: number): LaneAbout | undefined {
    const trainer = this.#trainer(lane);
    return (
      trainer && {
        layers: layersOf(trainer.model),
        memory: drawPlan(trainer.plan),
        launches: trainer.plan.dispatches.map(({ label, kernel }) => ({ label, kernel: kernel.name })),
        parameters: trainer.parameterCount,
      }
    );
  }

  device(): DeviceAbout | undefined {
    const gpu = this.#host()?.gpu;
    return (
      gpu && {
        adapter: gpu.adapter,
        features: [...gpu.device.features].sort(),
        limits: LIMITS.map((name) => [name, gpu.device.limits[name]]),
      }
    );
  }

  /** The first test images, to choose from. */
  images(count: number): Pick<Dataset, "images" | "labels"> | undefined {
    const test = this.#host()?.data?.test;
    if (!test) return undefined;
    const { images, labels } = subset(test, [...Array(Math.min(count, test.length)).keys()]);
    return { images, labels };
  }

  /** What these layers of a lane make of an image in the form of the data set. */
  async activations(
    lane: number,
    layers: readonly string[],
    pixels: Uint8Array,
  ): Promise<Readonly<Record<string, Activations>> | undefined> {
    const trainer = this.#trainer(lane);
    const data = this.#host()?.data;
    return trainer && data && trainer.activations(imageOf(data.train, pixels), layers);
  }

  /** The weights of a convolution, (R, S, C, K). */
  async filters(lane: number, layer: string): Promise<Activations | undefined> {
    const trainer = this.#trainer(lane);
    const weight = trainer?.weights.find(({ name }) => name === `${layer}.weight`);
    if (!trainer || !weight) return undefined;
    const [values] = await trainer.variables.read([weight.tensor]);
    return { shape: weight.tensor.shape, values: Float32Array.from(values!) };
  }

  /** Of the test images. */
  async confusion(lane: number): Promise<Confusion | undefined> {
    const trainer = this.#trainer(lane);
    const test = this.#host()?.data?.test;
    return trainer && test && (await trainer.evaluate(test)).confusion;
  }

  /**
   * GPU times of one forward and backward pass of a lane's batch, on buffers of its own. Rejects with a DeviceError if
   * the adapter has no timestamps.
   */
  async times(lane: number): Promise<readonly LaunchTime[] | undefined> {
    const trainer = this.#trainer(lane);
    const gpu = this.#host()?.gpu;
    if (!trainer || !gpu) return undefined;
    const { model, batchSize } = trainer;
    const graph = new Graph({ mode: "train", ...gpu.graphOptions });
    const images = graph.input("images", [batchSize, ...model.inputShape]);
    const labels = graph.input("labels", [batchSize], "i32");
    const loss = crossEntropy(model.build(images), labels);
    graph.output("loss", loss);
    const variables = new Variables(gpu);
    const session = await openSession(gpu, lower(graph, [[loss, null]]), variables);
    try {
      const shape = [batchSize, ...model.inputShape];
      const count = shape.reduce((product, extent) => product * extent);
      const zeros = { images: pad(new Float32Array(count), shape), labels: new Int32Array(batchSize) };
      return await session.profile(zeros, { step: 1, seed: 0, learningRate: 0 });
    } finally {
      session.destroy();
      variables.destroy();
    }
  }

  #trainer(lane: number): Trainer | undefined {
    return this.#host()?.race?.trainers[lane];
  }
}
