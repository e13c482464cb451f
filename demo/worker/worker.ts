/** The worker in which everything runs that touches the GPU, so that the page never waits for it. */
import * as Comlink from "comlink";
import type { RaceResult } from "webgraft";
import type { LaneModel } from "../runs/run.ts";
import type { RaceSettings } from "../runs/settings.ts";
import { openRace } from "../runs/store.ts";
import { drawnLanes } from "./drawing.ts";
import { RACE_LOCK, type StudioEvent } from "./events.ts";
import { ImagesHost } from "./images-host.ts";
import { Inspector } from "./inspector.ts";
import type { Mistake } from "./mistakes.ts";
import { RaceHost } from "./race-host.ts";

/** Both data sets hold grey images of one size, of ten classes. */
const FORM = { shape: [28, 28, 1], classes: Array<string>(10).fill("") } as const;

export class StudioWorker {
  /** Looks into the lanes. */
  readonly inspect = Comlink.proxy(new Inspector(() => this.#host));
  /** The visitor's own pictures. */
  readonly images = Comlink.proxy(new ImagesHost());
  #host: RaceHost | undefined;

  /** Runs a race to its end; the one before is closed. Rejects with an error's name and message. */
  async race(settings: RaceSettings, tell: (event: StudioEvent) => void): Promise<RaceResult> {
    return this.#run(new RaceHost(settings, tell));
  }

  /** Goes on with the race that this browser keeps. */
  async goOn(tell: (event: StudioEvent) => void): Promise<RaceResult> {
    const kept = await openRace();
    if (!kept) throw new Error("This browser keeps no race to go on with.");
    return this.#run(new RaceHost(kept, tell));
  }

  pause(): void {
    this.#host?.pause();
  }

  resume(): void {
    this.#host?.resume();
  }

  step(): void {
    this.#host?.step();
  }

  stop(): void {
    this.#host?.stop();
  }

  setLearningRate(rate: number): void {
    this.#host?.setLearningRate(rate);
  }

  /** Class probabilities by lane; undefined while there are no lanes. */
  async guess(pixels: Uint8Array): Promise<readonly (readonly number[])[] | undefined> {
    return this.#host?.guess(pixels);
  }

  /** What a lane is most sure and wrong about, worst first. */
  async mistakes(lane: number, count: number): Promise<readonly Mistake[]> {
    return this.#host?.mistakes(lane, count) ?? [];
  }

  /** A test image of each class, once the data are there. */
  examples(): readonly (Uint8Array | undefined)[] {
    return this.#host?.examples() ?? [];
  }

  /** The lanes of these settings, to be drawn before there is a race. */
  lanes(settings: RaceSettings): readonly LaneModel[] {
    return drawnLanes(settings, FORM);
  }

  async #run(host: RaceHost): Promise<RaceResult> {
    const last = this.#host;
    this.#host = host;
    await last?.close();
    return navigator.locks.request(RACE_LOCK, { mode: "shared" }, () => host.run());
  }
}

Comlink.expose(new StudioWorker());
