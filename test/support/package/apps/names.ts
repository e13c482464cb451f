/** Prints, as JSON, what the library's errors are called in a bundle. */
import * as library from "webgraft";
import { Job, type JobEvent } from "webgraft/job";

type MakeError = new (message: string, more?: string) => Error;

const names: Record<string, string> = {};
for (const [key, value] of Object.entries<unknown>({ ...library })) {
  if (typeof value === "function" && value.prototype instanceof Error) {
    names[key] = new (value as MakeError)("", "").name;
  }
}

const lostDevice = {
  features: new Set(),
  limits: {},
  lost: Promise.resolve({ reason: "unknown", message: "" }),
  addEventListener() {},
};
const gpu = new library.Gpu(lostDevice as unknown as GPUDevice);
const lost = await gpu.failed.catch((error: Error) => error.name);

// There is no WebGPU in Node.
const { name: job } = await new Promise<JobEvent & { type: "error" }>((resolve) => {
  const run = new Job((event) => event.type === "error" && resolve(event), { dataUrl: "" });
  run.handle({ type: "start", settings: {} } as Parameters<Job["handle"]>[0]);
});

console.log(JSON.stringify({ names, lost, job }));
