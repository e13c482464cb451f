import { DeviceError } from "../../base/errors.ts";
import type { GpuBrowser } from "../browser/browser.ts";
import { MAIN } from "../resources.ts";
import { Child } from "../runtime/child.ts";
import { type GpuRuntime, launchRuntime } from "../runtime/runtime.ts";
import { type Engine, isBrowser } from "./engines.ts";
import type { Gpu } from "./vulkan.ts";

/** What runs in an engine: a page of a browser, or a script of Node or Deno that does the same. */
export interface Program {
  /** The address of the page. */
  readonly url: string;
  /** The path of the script. */
  readonly file: string;
}

/** Functions by the names under which a program finds them. They get plain data. */
export type Functions = Readonly<Record<string, (...args: never[]) => unknown>>;

/** A program that runs. */
export interface Running {
  /** Calls a global function of the program, with plain data. Rejects with what it throws. */
  call(name: string, ...args: readonly unknown[]): Promise<unknown>;
  /** Rejects with what the program throws outside of calls, or with DeviceError when it is gone. */
  readonly died: Promise<never>;
  close(): Promise<void>;
}

/** An engine that has a WebGPU adapter. */
export interface GpuEngine {
  readonly gpu: Gpu;
  /** The engine and the adapter, for display: `Chrome/150.0, hardware GPU: nvidia ampere`. */
  readonly description: string;
  /** Loads a program, whose global functions can then be called. */
  run(program: Program, functions: Functions): Promise<Running>;
  close(): Promise<void>;
}

/**
 * Starts an engine on the adapter that `gpu` names, by default the real GPU if there is one and a software adapter
 * otherwise. Throws DeviceError if the engine or an adapter is missing.
 */
export async function launchEngine(engine: Engine, gpu?: Gpu): Promise<GpuEngine> {
  if (!isBrowser(engine)) return engineOfRuntime(await launchRuntime(engine, gpu));
  // Not before it is needed: machines without a browser have no way to drive one either.
  const { launchBrowser } = await import("../browser/browser.ts");
  return engineOfBrowser(await launchBrowser(engine, gpu));
}

function engineOfBrowser(started: GpuBrowser): GpuEngine {
  const { gpu, description, browser } = started;
  return {
    ...{ gpu, description },
    close: () => started.close(),
    async run({ url }, functions) {
      const page = await started.newPage();
      const died = new Promise<never>((_, reject) => {
        const gone = (what: string) => () => reject(new DeviceError(`${what} in the middle of the run`));
        browser.on("disconnected", gone("the browser ended"));
        page.on("close", gone("the browser's page was closed"));
        page.on("error", (error) => reject(new DeviceError(`the browser's page crashed — ${error.message}`)));
        page.on("pageerror", (error) => reject(error instanceof Error ? error : new Error(String(error))));
      });
      died.catch(() => {}); // It may reject before it is awaited.
      for (const [name, run] of Object.entries(functions)) await page.exposeFunction(name, run);
      await page.goto(url);
      return {
        died,
        call: (name, ...args) =>
          page.evaluate(
            (name, args) => (globalThis as unknown as Functions)[name]!(...(args as never[])),
            name,
            args,
          ),
        close: () => page.close().catch(() => {}), // A crashed page is gone already.
      };
    },
  };
}

function engineOfRuntime({ gpu, description, start }: GpuRuntime): GpuEngine {
  const children = new Set<Child>();
  return {
    ...{ gpu, description },
    async close() {
      for (const child of children) child.close();
    },
    async run({ file }, functions) {
      const child = new Child(start(MAIN), functions);
      children.add(child);
      await Promise.race([child.call("load", file, Object.keys(functions)), child.died]);
      return {
        died: child.died,
        call: (name, ...args) => child.call(name, ...args),
        close: async () => child.close(),
      };
    },
  };
}
