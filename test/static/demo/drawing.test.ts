import { describe, expect, it } from "vitest";
import { fusion, interleaved, type Model, sequential, stacked } from "webgraft";
import { drawingOf } from "../../../demo/worker/drawing.ts";

const drawn = (model: Model): string =>
  drawingOf(model)
    .layers.map(({ kind, residual, projection }) =>
      kind === "dense" ? "d" : projection ? "p" : residual ? "r" : "c",
    )
    .join("");

describe("what a lane draws", () => {
  it("is every convolution, and shortcuts where the model has them", () => {
    const fit = { inputShape: [28, 28, 1], classes: 10, depth: 14 } as const;
    expect(drawn(stacked({ ...fit, shortcuts: "none" }))).toBe("cccccccccccccd");
    expect(drawn(stacked({ ...fit, shortcuts: "alternate" }))).toBe("cccrrccrrccrrd");
    expect(drawn(stacked({ ...fit, shortcuts: "all" }))).toBe("crrrrrrrrrrrrd");
    expect(drawingOf(stacked({ ...fit, shortcuts: "alternate" })).shortcuts).toEqual([
      [3, 4],
      [7, 8],
      [11, 12],
    ]);
  });

  it("has the maps' heights and channels", () => {
    const { layers } = drawingOf(stacked({ depth: 8 }));
    expect(layers.map(({ height, channels }) => [height, channels])).toEqual([
      [28, 8],
      [28, 8],
      [28, 8],
      [14, 16],
      [14, 16],
      [7, 32],
      [7, 32],
      [1, 10],
    ]);
  });

  it("tells projections from the blocks that they go around", () => {
    expect(drawn(interleaved({ inputShape: [28, 28, 1] }))).toMatch(/^c(rrp|rpr|prr)c(rrp|rpr|prr)d$/);
    expect(drawn(sequential({ inputShape: [28, 28, 1] }))).toMatch(/^cc/);
    expect(drawn(fusion({ inputShape: [28, 28, 1] }))).toMatch(/dd$/);
  });
});
