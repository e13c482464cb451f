/** Everything of the gallery that touches the GPU; ended from outside where the visitor cancels. */

import { candidatesFor } from "../../../test/support/gallery/check.ts";
import { passesWith, timePass } from "../../../test/support/gallery/time.ts";
import { testGpu } from "../../../test/support/run/gpu.ts";
import type { GalleryEvent, GalleryRequest } from "./gallery-events.ts";

const tell = (event: GalleryEvent): void => postMessage(event);

addEventListener("message", ({ data }: MessageEvent<GalleryRequest>) => {
  answer(data).catch((error: unknown) =>
    tell({ kind: "failed", reason: error instanceof Error ? error.message : String(error) }),
  );
});

async function answer({ file, task }: GalleryRequest): Promise<void> {
  const gpu = await testGpu();
  const { capabilities, adapter } = gpu;
  tell({ kind: "device", name: adapter, software: capabilities.software === true });
  tell({ kind: "end", ...(await (task === "check" ? check(file, capabilities.features) : time(file, gpu))) });
}

interface Ending {
  readonly note?: string;
}

async function check(file: string, features: readonly string[]): Promise<Ending> {
  let done = 0;
  tell({ kind: "progress", text: "Looking for tests that launch it" });
  for (const { title, kernels, run } of candidatesFor(file, features)) {
    tell({ kind: "progress", text: `${title}: compiling and running` });
    const results = await run();
    tell({ kind: "compared", results: results.map((each) => ({ kernels, title, ...each })) });
    done++;
  }
  return done > 0
    ? {}
    : { note: "Here it runs only as a part of something else, which the test suite checks as a whole." };
}

async function time(file: string, gpu: Awaited<ReturnType<typeof testGpu>>): Promise<Ending> {
  tell({ kind: "progress", text: "Looking for passes of networks that launch it" });
  const passes = passesWith(file, gpu);
  for (const pass of passes) {
    tell({ kind: "progress", text: `${pass.name}, ${pass.shape}` });
    tell({ kind: "timed", result: await timePass(gpu, pass) });
  }
  return passes.length > 0
    ? {}
    : {
        note: "On this adapter no pass of a ResNet launches it alone: other kernels are chosen, or it is a part of a step.",
      };
}
