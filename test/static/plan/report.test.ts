import { describe, expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { describePlan, drawPlan, fusion, interleaved, lower, plan, resnet } from "../../../src/index.ts";
import { programOf } from "../../support/models/programs.ts";

const planned = plan(programOf(resnet(20), 2, "train", { memory: "recompute" }));
const nothing = plan(lower(new Graph({ mode: "eval" })));

/** The attributes of all elements of a name. */
function elements(svg: string, name: string): Readonly<Record<string, string>>[] {
  return [...svg.matchAll(new RegExp(`<${name} ([^>]*?)/?>`, "g"))].map(([, attributes]) =>
    Object.fromEntries(
      [...attributes!.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!]),
    ),
  );
}

describe("describePlan", () => {
  it("tells memory, peak and kernels", () => {
    const step = plan(programOf(interleaved(), 16, "train"));
    const text = describePlan(step);
    const { peakBytes, lowerBoundBytes } = step.report;
    const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
    expect(text).toContain(
      `temporaries         ${mebibytes(peakBytes)} on ${step.memory.slabs.length} slabs (`,
    );
    const factor = (peakBytes / lowerBoundBytes).toFixed(3);
    expect(text).toContain(
      `least possible      ${mebibytes(lowerBoundBytes)}; the plan takes ${factor} × that\n`,
    );
    const peak = /Peak at dispatch (\d+), (\w+) of (.+): (.+)\n/.exec(text)!;
    const { kernel, label } = step.dispatches[Number(peak[1]) - 1]!;
    expect(peak.slice(2)).toEqual([kernel.name, label, mebibytes(lowerBoundBytes)]);
    expect(text).toMatch(/\n {2}conv1 +784\.00 KiB {2}from 1 to \d+\n/);
    const counts = [...text.matchAll(/^ {2}\w+ {2,}(\d+)$/gm)].map(([, count]) => Number(count));
    const total = counts.reduce((sum, count) => sum + count, 0);
    expect(text).toContain(`dispatches          ${total}\n`);
  });

  it("of nothing tells that there is nothing", () => {
    expect(describePlan(nothing)).toContain("dispatches          0\n");
  });
});

describe("drawPlan", () => {
  const svg = drawPlan(planned);
  const boxes = elements(svg, "rect").filter((rect) => rect.class === "tensor");

  it("has a rectangle for each temporary that is not too small to see, and no two overlap", () => {
    const visible = [...planned.memory.placements.keys()].filter(
      ({ length }) => (380 * 4 * length) / planned.report.peakBytes >= 0.25,
    );
    expect(boxes.length).toBe(visible.length);
    const sides = boxes.map(({ x, y, width, height }) => {
      const [left, top] = [Number(x), Number(y)];
      return { left, top, right: left + Number(width), bottom: top + Number(height) };
    });
    const rounding = 0.05;
    sides.forEach((a, i) => {
      expect(a.left).toBeGreaterThanOrEqual(0);
      expect(a.right).toBeLessThanOrEqual(960);
      for (const b of sides.slice(0, i)) {
        const apart =
          a.right <= b.left + rounding ||
          b.right <= a.left + rounding ||
          a.bottom <= b.top + rounding ||
          b.bottom <= a.top + rounding;
        expect(apart).toBe(true);
      }
    });
  });

  it.each([
    ["resnet20, recomputed", planned],
    ["interleaved", plan(programOf(interleaved(), 16, "train"))],
    ["fusion", plan(programOf(fusion({ inputShape: [28, 28, 1] }), 2, "train"))],
  ])("has no text that is cut or printed over another: %s", (_, drawn) => {
    const texts = [...drawPlan(drawn).matchAll(/<text ([^>]*)>(.*?)<\/text>/g)].map(
      ([, attributes, words]) => {
        const of = (name: string): string | undefined =>
          new RegExp(`(?<![\\w-])${name}="([^"]*)"`).exec(attributes!)?.[1];
        const size = Number(of("font-size") ?? 12);
        // A generous width of a letter in a sans-serif font.
        const width = 0.6 * size * words!.length;
        const x = Number(of("x")) - width * { start: 0, middle: 0.5, end: 1 }[of("text-anchor") ?? "start"]!;
        return { words, left: x, right: x + width, bottom: Number(of("y")), top: Number(of("y")) - size };
      },
    );
    const cut = texts.filter(({ left, right }) => left < 0 || right > 960);
    const over = texts.flatMap((a, i) =>
      texts
        .slice(0, i)
        .filter((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
        .map((b) => [a.words, b.words]),
    );
    expect({ cut, over }).toEqual({ cut: [], over: [] });
  });

  it("is well-formed and holds only numbers", () => {
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    const open: string[] = [];
    for (const [, close, name, self] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(name);
      else if (!self) open.push(name!);
    }
    expect(open).toEqual([]);
    for (const kind of ["forward", "computed again", "backward"]) expect(svg).toContain(`>${kind}</text>`);
  });

  it("escapes names, and draws nothing as nothing", () => {
    const graph = new Graph({ mode: "train" });
    const model = interleaved();
    graph.output("logits", model.build(graph.input("<images>", [1, ...model.inputShape])));
    const step = plan(lower(graph));
    const odd = { ...step, dispatches: step.dispatches.map((d) => ({ ...d, label: "<a & b>" })) };
    expect(drawPlan(odd)).toContain("&lt;a &amp; b&gt;");
    expect(elements(drawPlan(nothing), "rect")).toEqual([]);
  });
});
