import { describe, expect, it } from "vitest";
import {
  DestroyedError,
  DeviceError,
  DeviceLostError,
  OutOfMemoryError,
  ValidationError,
} from "../../src/base/errors.ts";
import { Gpu, openDevice } from "../../src/gpu/device.ts";
import { Graph } from "../../src/graph/graph.ts";
import { lower } from "../../src/graph/lower.ts";
import { relu } from "../../src/layers/index.ts";
import { openSession } from "../../src/run/session.ts";
import { Variables } from "../../src/run/variables.ts";
import { testGpu } from "../support/run/gpu.ts";

const live = { step: 1, seed: 0, learningRate: 0 };

function reluProgram() {
  const graph = new Graph({ mode: "eval" });
  graph.output("y", relu(graph.input("x", [2, 3])));
  return lower(graph);
}

describe("openDevice", () => {
  it("says what to do where there is no WebGPU", async () => {
    await expect(openDevice({ gpu: null as unknown as GPU })).rejects.toThrow(
      /no WebGPU — use a current Chrome/,
    );
  });

  it("says so where there is no adapter", async () => {
    const gpu = { requestAdapter: async () => null } as unknown as GPU;
    await expect(openDevice({ gpu })).rejects.toThrow(/no adapter — check the graphics driver/);
  });
});

describe("destroy", () => {
  it("ends a device that was opened here", async () => {
    const gpu = await openDevice();
    gpu.destroy();
    expect((await gpu.device.lost).reason).toBe("destroyed");
    await expect(gpu.failed).rejects.toThrow(DestroyedError);
  });

  it("leaves a device that was only wrapped to those who opened it", async () => {
    const { device } = await openDevice();
    const gpu = new Gpu(device);
    const session = await openSession(gpu, reluProgram(), new Variables(gpu));
    gpu.destroy();
    expect(() => session.submit({ x: new Float32Array(8) }, live)).toThrow(DestroyedError);
    const again = await openSession(new Gpu(device), reluProgram(), new Variables(new Gpu(device)));
    expect((await again.submit({ x: new Float32Array(8) }, live)).y!.length).toBe(6);
    device.destroy();
  });
});

describe("guard", () => {
  it("turns what WebGPU refuses into a named error", async () => {
    const gpu = await testGpu();
    const refused = gpu.guard("making a buffer", () => {
      gpu.device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    });
    await expect(refused).rejects.toThrow(ValidationError);
    await expect(refused).rejects.toThrow(/^making a buffer: /);
  });

  it("names an allocation that does not fit, and a session that needs it is not made", async () => {
    const gpu = await openDevice();
    const { device } = gpu;
    // A GPU whose memory is full: no test fills the real one.
    const pop = device.popErrorScope.bind(device);
    let scopes = 0;
    device.popErrorScope = async () => {
      await pop();
      return scopes++ === 1 ? new GPUOutOfMemoryError("no room for slab 0") : null;
    };
    const variables = new Variables(gpu);
    const program = reluProgram();
    await gpu.pipelines.compileAll(program.dispatches);
    scopes = 0;
    const session = openSession(gpu, program, variables);
    await expect(session).rejects.toThrow(OutOfMemoryError);
    await expect(session).rejects.toThrow("session: no room for slab 0");
    gpu.destroy();
  });
});

describe("Session", () => {
  it("checks its inputs and how many steps are in flight", async () => {
    const gpu = await testGpu();
    const variables = new Variables(gpu);
    const session = await openSession(gpu, reluProgram(), variables);
    expect(() => session.submit({}, live)).toThrow(
      "input x: expects 8 values in the padded layout, got none",
    );
    expect(() => session.submit({ x: new Float32Array(6) }, live)).toThrow("expects 8 values");
    const feeds = { x: Float32Array.of(1, -2, 3, 0, -4, 5, -6, 0) };
    const steps = [session.submit(feeds, live), session.submit(feeds, live)];
    expect(() => session.submit(feeds, live)).toThrow("two steps are in flight");
    await session.ready();
    steps.push(session.submit(feeds, live));
    for (const step of steps) expect([...(await step).y!]).toEqual([1, 0, 3, 0, 5, 0]);
    session.destroy();
  });

  it("rejects what was in flight when the device is lost, and everything after", async () => {
    const gpu = await openDevice();
    const session = await openSession(gpu, reluProgram(), new Variables(gpu));
    const step = session.submit({ x: new Float32Array(8) }, live);
    gpu.device.destroy();
    await expect(step).rejects.toThrow(DeviceLostError);
    expect(() => session.submit({ x: new Float32Array(8) }, live)).toThrow(DeviceLostError);
    await expect(session.ready()).rejects.toThrow(DeviceLostError);
  });

  it("rejects a step that the device refuses, and runs the next", async () => {
    const gpu = await openDevice();
    const session = await openSession(gpu, reluProgram(), new Variables(gpu));
    const feeds = { x: new Float32Array(8) };
    const { submit } = gpu.device.queue;
    gpu.device.queue.submit = () => {
      gpu.device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    };
    await expect(session.submit(feeds, live)).rejects.toThrow(ValidationError);
    gpu.device.queue.submit = submit;
    expect((await session.submit(feeds, live)).y!.length).toBe(6);
    gpu.destroy();
  });

  it("does not care about errors of other code on the device", async () => {
    const gpu = await openDevice();
    const uncaptured = new Promise((resolve) => {
      gpu.device.onuncapturederror = (event) => {
        event.preventDefault();
        resolve(event);
      };
    });
    const session = await openSession(gpu, reluProgram(), new Variables(gpu));
    gpu.device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    await gpu.device.queue.onSubmittedWorkDone(); // Browsers report when they next hear from the GPU.
    await uncaptured;
    gpu.check();
    expect((await session.submit({ x: new Float32Array(8) }, live)).y!.length).toBe(6);
    gpu.destroy();
  });

  it("profiles launch by launch where the adapter has timestamps", async () => {
    const gpu = await testGpu();
    const session = await openSession(gpu, reluProgram(), new Variables(gpu));
    const profile = session.profile({ x: new Float32Array(8) }, live);
    if (gpu.device.features.has("timestamp-query")) {
      expect((await profile).map(({ kernel }) => kernel)).toEqual(["activation_forward"]);
    } else {
      await expect(profile).rejects.toThrow(DeviceError);
    }
    session.destroy();
  });
});
