import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { padChannelsOp } from "../../../src/ops/layout/pad-channels.ts";
import { testOp } from "../../support/op/op-test.ts";
import { padChannels } from "./pad-channels.ts";

testOp(padChannels);

test("pad_channels refuses to drop channels", () => {
  const x = new Graph({ mode: "train" }).input("x", [2, 3, 3, 8]);
  expect(() => x.graph.apply(padChannelsOp, "y", { x }, { channels: 6 })).toThrow(
    "pad_channels: cannot have fewer channels, 6 — x (2, 3, 3, 8)",
  );
});
