import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { defaultSettings, type JobSettings } from "../../src/job/settings.ts";
import { decodeSafetensors, float32Values } from "../../src/weights/safetensors.ts";
import { Recorded, serve } from "../support/run/job.ts";

const settings: JobSettings = {
  ...defaultSettings,
  ...{ topology: "resnet", backbone: "resnet20", imageSize: 8, optimizer: "sgd" },
  ...{ examples: 12, epochs: 20, batch: 4, seed: 3 },
};

beforeAll(() => {
  vi.stubGlobal("fetch", serve);
});

afterAll(() => {
  vi.unstubAllGlobals();
});

test("a run at an absurd learning rate ends with an error, and no checkpoint of it holds NaN", async () => {
  const job = new Recorded();
  job.send({ type: "start", settings: { ...settings, lr: 1e9 } });
  const { name, message } = await job.until("error");
  expect(name).toBe("NonFiniteError");
  expect(message).toMatch(/not finite|loss is/);
  expect(job.all("done")).toEqual([]);
  for (const { bytes } of job.all("checkpoint")) {
    for (const [tensor, stored] of decodeSafetensors(bytes, "checkpoint").tensors) {
      expect(float32Values(tensor, stored).every(Number.isFinite), tensor).toBe(true);
    }
  }
});
