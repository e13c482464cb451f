import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { adviceFor } from "../../../demo/app/adapter.ts";
import { eventsOf, Replay } from "../../../demo/app/replay.ts";
import type { RunRecord } from "../../../demo/runs/run.ts";
import { RunLog } from "../../../demo/runs/run-log.ts";

const path = new URL("../../../demo/recorded/race.json", import.meta.url);
const recorded = JSON.parse(readFileSync(path, "utf8")) as RunRecord;
const fresh = () => new RunLog({ ...recorded, seeds: [], verdict: undefined, stopped: undefined });

test("what is replayed is what was recorded", () => {
  const log = fresh();
  for (const event of eventsOf(recorded)) log.apply(event);
  const { seeds, verdict } = log.record;
  expect(verdict).toEqual(recorded.verdict);
  expect(seeds.map(({ result, samples }) => [result, samples])).toEqual(
    recorded.seeds.map(({ result, samples }) => [result, samples]),
  );
  let last = recorded.seeds[0]!.steps[0]!.gradients;
  const whole = recorded.seeds.map(({ steps }) =>
    steps.map((step) => {
      if (step.gradients.length > 0) last = step.gradients;
      return { ...step, gradients: last };
    }),
  );
  expect(seeds.map(({ steps }) => steps)).toEqual(whole);
});

test("a replay holds, makes one step, and stops", async () => {
  const replay = new Replay(recorded);
  const seen: string[] = [];
  const held = (): Promise<void> => new Promise((resolve) => (told = resolve));
  let told = (): void => {};
  replay.pause();
  const [paused, end] = [
    held(),
    replay.run((event) => {
      seen.push(event.type === "step" ? `step ${event.step}` : event.type);
      if (event.type === "paused") told();
    }),
  ];
  await paused;
  const again = held();
  replay.step();
  await again;
  replay.stop();
  expect(await end).toEqual({ stopped: true });
  const steps = seen.filter((type) => !["open", "seed", "sample"].includes(type));
  expect(steps).toEqual(["paused", "step 1", "paused"]);
});

test("the recorded race is small enough to be loaded in a moment", () => {
  expect(readFileSync(path).length).toBeLessThan(150_000);
});

test.each([
  ["Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "about:config"],
  ["Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/150.0.0.0 Safari/537.36", "chrome://flags"],
  [
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/150.0.0.0 Safari/537.36 Edg/150.0",
    "edge://flags",
  ],
  ["Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15", "Feature Flags"],
  ["something else", "current"],
])("the browser %s is told where its switch is", (userAgent, words) => {
  expect(adviceFor(userAgent).join(" ")).toContain(words);
});
