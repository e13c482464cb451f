/** The parts of the bench, each in engines of its own. */
import type { Program } from "../../src/cli/engine/engine.ts";
import { isBrowser } from "../../src/cli/engine/engines.ts";
import { CASES, COLD_CASE } from "./cases.ts";
import { modelSteps } from "./model/model.ts";
import type { Options } from "./options.ts";
import type { DeviceResult, DeviceSettings } from "./page/device.ts";
import type { Progress } from "./page/offer.ts";
import type { PeersResult, PeersSettings } from "./page/peers.ts";
import type { ColdResult, PeerResult, Report } from "./report.ts";
import { installPeers, openSite } from "./site.ts";
import { inEngine } from "./visit.ts";

export type Measured = Omit<Report, "date" | "command" | "versions" | "machine">;

/** Once it has been timed often enough, a contestant gets no more time than this in a case. */
const BUDGET_MS = 30_000;
/** Enough runs to show whether weights are updated alike. */
const WARM_UPS = { training: 3, inference: 1 } as const;

/** Runs the requested measurements. Failures go into `failures`, and the rest continues. */
export async function measure(options: Options, progress: Progress): Promise<Measured> {
  const wanted = (part: string): boolean => options.only.includes(part);
  const names = Object.keys(CASES);
  const timed = names.filter((name) => wanted(name) || (wanted("peers") && !CASES[name]!.large));
  const weighed = names.filter((name) => wanted("memory") && !timed.includes(name) && !CASES[name]!.large);
  const peers: PeerResult[] = [];
  const failures: string[] = [];
  const measured: Writable<Measured> = { browser: "none", adapter: "none", failures };
  const attempt = async (part: string, run: () => Promise<Partial<Measured>>): Promise<void> => {
    try {
      Object.assign(measured, await run());
    } catch (error) {
      failures.push(`${part}: ${error instanceof Error ? error.message : error}`);
    }
  };

  if (wanted("ceilings") || wanted("kernels") || wanted("host")) {
    await attempt("ceilings, kernels, host", () => measureDevice(options, progress));
  }
  if (timed.length + weighed.length > 0 || wanted("cold")) {
    if (isBrowser(options.engine)) installPeers();
    const site = await openSite(options.engine, ["peers"]);
    const page: PeersPage = { page: site.page("peers"), options, progress };
    for (const name of [...timed, ...weighed]) {
      await attempt(name, async () => {
        const { peer, ...where } = await comparePeers(page, name, timed.includes(name) ? options.steps : 0);
        peers.push(peer);
        return { ...where, peers };
      });
    }
    if (wanted("cold")) await attempt("cold", () => measureCold(page));
    await site.close();
  }
  if (wanted("size")) {
    if (options.peers.length > 0) installPeers();
    // Not before it is needed: the kit has no bundler.
    const { measureSizes } = await import("./sizes.ts");
    await attempt("size", async () => ({ sizes: await measureSizes(options.peers) }));
  }
  if (wanted("model")) await attempt("model", async () => ({ model: modelSteps(options.gpu) }));
  return measured;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

async function measureDevice(
  { engine, only, shapes, match, tune: tuned, steps, sampleMs }: Options,
  progress: Progress,
): Promise<Partial<Measured>> {
  const site = await openSite(engine, ["device"]);
  try {
    const sampling = { samples: steps, minMs: sampleMs };
    const settings: DeviceSettings = {
      sampling,
      ceilings: only.includes("ceilings"),
      kernels: only.includes("kernels") ? { shapes, match, tuned, sampling } : undefined,
      host: only.includes("host"),
    };
    return await inEngine(engine, progress, async (visit, browser) => ({
      browser,
      ...(await visit<DeviceSettings, DeviceResult>(site.page("device"), settings)),
    }));
  } finally {
    await site.close();
  }
}

interface PeersPage {
  readonly page: Program;
  readonly options: Options;
  readonly progress: Progress;
}

/** Measures one case in an engine of its own. */
async function comparePeers(
  { page, options, progress }: PeersPage,
  name: string,
  steps: number,
): Promise<PeersResult & { readonly browser: string }> {
  const { peers, task } = CASES[name]!;
  const contestants = ["webgraft", ...peers.filter((peer) => options.peers.includes(peer))];
  const { tune: tuned } = options;
  const settings = { name, contestants, warmUps: WARM_UPS[task], steps, budgetMs: BUDGET_MS, tuned };
  return inEngine(options.engine, progress, async (visit, browser) => ({
    browser,
    ...(await visit<PeersSettings, PeersResult>(page, settings)),
  }));
}

/** Measures each contestant alone: in a browser that has just started, then in a new page of it. */
async function measureCold({ page, options, progress }: PeersPage): Promise<Partial<Measured>> {
  const { peers } = CASES[COLD_CASE]!;
  const cold: ColdResult[] = [];
  let where = {};
  for (const key of ["webgraft", ...peers.filter((peer) => options.peers.includes(peer))]) {
    await inEngine(options.engine, progress, async (visit, browser) => {
      const settings = {
        name: COLD_CASE,
        contestants: [key],
        warmUps: 1,
        steps: 0,
        budgetMs: 0,
        tuned: false,
      };
      const first = await visit<PeersSettings, PeersResult>(page, settings);
      const second = await visit<PeersSettings, PeersResult>(page, settings);
      const { name, firstMs: coldMs } = first.peer.contestants[key]!;
      cold.push({ name, coldMs, warmMs: second.peer.contestants[key]!.firstMs });
      where = { browser, adapter: first.adapter };
    });
  }
  return { ...where, cold };
}
