import { Random } from "../../../src/base/random.ts";
import { Job, type JobOptions } from "../../../src/job/job.ts";
import type { JobCommand, JobEvent } from "../../../src/job/protocol.ts";
import { idxGz } from "../data/shards.ts";

const trainImages = 12;
export const testImages = 6;

/** The server of a small data set: noise, brighter where the label is higher. */
export async function serve(url: string): Promise<Response> {
  const match = /data\/mnist\/(train|test)-(images-00|labels)\.idx\.gz$/.exec(url);
  if (!match) return new Response("", { status: 404, statusText: "Not Found" });
  const count = match[1] === "train" ? trainImages : testImages;
  if (match[2] === "labels") {
    const data = Uint8Array.from({ length: count }, (_, i) => i % 10);
    return new Response(await idxGz({ shape: [count], data }));
  }
  const random = new Random(1, match[1]!);
  const size = 28 * 28;
  const data = Uint8Array.from({ length: count * size }, (_, i) => {
    const label = Math.floor(i / size) % 10;
    return random.uniform() * 25 * (label + 1);
  });
  return new Response(await idxGz({ shape: [count, 28, 28], data }));
}

type Type = JobEvent["type"];
type Event<T extends Type> = Extract<JobEvent, { type: T }>;

/** A job whose events can be awaited. */
export class Recorded {
  readonly events: JobEvent[] = [];
  readonly #job: Job;
  #seen: () => void = () => {};

  /** `react` may send commands while an event is being reported, which callers outside cannot. */
  constructor(react: (event: JobEvent) => JobCommand[] = () => [], options: Partial<JobOptions> = {}) {
    this.#job = new Job(
      (event) => {
        this.events.push(event);
        for (const command of react(event)) this.send(command);
        this.#seen();
      },
      { dataUrl: "/data", ...options },
    );
  }

  send(command: JobCommand): void {
    this.#job.handle(command);
  }

  all<T extends Type>(type: T): Event<T>[] {
    return this.events.filter((event): event is Event<T> => event.type === type);
  }

  /** The `count`th event of a type; rejects on an error event unless that is the type awaited. */
  async until<T extends Type>(type: T, count = 1): Promise<Event<T>> {
    while (this.all(type).length < count) {
      const error = this.all("error")[0];
      if (error) throw new Error(error.message);
      await new Promise<void>((resolve) => {
        this.#seen = resolve;
      });
    }
    return this.all(type)[count - 1]!;
  }

  get losses(): number[] {
    return this.all("step").map(({ loss }) => loss);
  }
}
