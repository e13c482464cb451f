import { describe, expect, it } from "vitest";
import { InFlight } from "../../../src/run/in-flight.ts";

/** A result that comes when it is told to. */
function result(): { readonly promise: Promise<number>; resolve(value: number): void } {
  let resolve!: (value: number) => void;
  const promise = new Promise<number>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe("InFlight", () => {
  it("takes results in the order of the steps, and waits while two are awaited", async () => {
    const inFlight = new InFlight();
    const steps = [result(), result(), result()];
    const events: string[] = [];
    const run = (async () => {
      for (const [i, { promise }] of steps.entries()) {
        events.push(`submit ${i}`);
        await inFlight.add(promise, async (value) => {
          await Promise.resolve();
          events.push(`take ${value}`);
        });
      }
      await inFlight.settle();
    })();
    steps[1]!.resolve(1);
    await new Promise((resolve) => setTimeout(resolve));
    expect(events).toEqual(["submit 0", "submit 1"]);
    steps[2]!.resolve(2);
    steps[0]!.resolve(0);
    await run;
    expect(events).toEqual(["submit 0", "submit 1", "take 0", "submit 2", "take 1", "take 2"]);
  });

  it("throws what a step rejects with when its turn comes, and nothing before", async () => {
    const inFlight = new InFlight();
    const taken: number[] = [];
    const take = (value: number): void => void taken.push(value);
    const first = result();
    await inFlight.add(first.promise, take);
    const second = inFlight.add(Promise.reject<number>(new Error("the second step")), take);
    await new Promise((resolve) => setTimeout(resolve));
    first.resolve(1);
    await second;
    expect(taken).toEqual([1]);
    await expect(inFlight.settle()).rejects.toThrow("the second step");
  });
});
