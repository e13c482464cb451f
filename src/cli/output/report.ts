import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { smooth } from "../../job/smooth.ts";
import { REPORT } from "../resources.ts";
import { confusionTable, mostConfused } from "./confusion-table.ts";
import { escapeHtml } from "./html.ts";
import { bytesText, percent } from "./progress.ts";
import { repeatCommand } from "./repeat-command.ts";
import type { Metrics } from "./run-log.ts";

/**
 * A page with the curves and tables of a run, its confusion matrix, the picture of its plan and the command to repeat
 * it, in a single file that needs no network.
 */
export function reportHtml(metrics: Metrics, planPicture: string): string {
  const uplot = join(dirname(createRequire(import.meta.url).resolve("uplot/package.json")), "dist");
  const { settings, confusion, classes, steps } = metrics;
  const slots: Readonly<Record<string, string>> = {
    title: escapeHtml(`${settings.topology} on ${settings.data}`),
    summary: escapeHtml(summary(metrics)),
    settings: table(Object.entries(settings)),
    machine: table([
      ["adapter", metrics.adapter],
      ["browser", metrics.browser],
      ["Webgraft", metrics.version],
      ["median step", `${metrics.medianStepMs.toFixed(1)} ms`],
      ["dispatches a step", metrics.dispatchesPerStep],
      ["trainable parameters", metrics.parameters.toLocaleString("en")],
    ]),
    plan: table([
      ["temporaries", bytesText(metrics.plan.peakBytes)],
      ["temporaries, least possible", bytesText(metrics.plan.lowerBoundBytes)],
      ["temporaries, without sharing", bytesText(metrics.plan.unsharedBytes)],
      ["weights, gradients, states, batch", bytesText(metrics.plan.persistentBytes)],
    ]),
    planPicture,
    command: escapeHtml(repeatCommand(metrics)),
    repeat: escapeHtml(
      `Made with Webgraft ${metrics.version} in ${metrics.browser}. The same version on the same machine, with the same ` +
        "data and measured kernels, gives the same losses bit for bit.",
    ),
    confused: escapeHtml(confusion ? mostConfused(confusion, classes) : "Not evaluated yet."),
    confusion: confusion ? confusionTable(confusion, classes) : "",
    epochs: rows(
      metrics.epochs.map((e) => [e.epoch, percent(e.testAccuracy), e.testLoss.toFixed(4)]),
      "no epoch is complete yet",
    ),
    // A `<` in the data could end the script element.
    metrics: JSON.stringify(metrics).replaceAll("<", "\\u003c"),
    smoothed: JSON.stringify({
      loss: smooth(steps.map(({ loss }) => loss)),
      accuracy: smooth(steps.map(({ accuracy }) => accuracy)),
    }),
    uplotStyle: readFileSync(join(uplot, "uPlot.min.css"), "utf8"),
    uplotScript: readFileSync(join(uplot, "uPlot.iife.min.js"), "utf8"),
  };
  const template = readFileSync(REPORT, "utf8");
  return template.replace(/\/\*\{(\w+)\}\*\/|\{\{(\w+)\}\}/g, (_, script, markup) => {
    const text = slots[script ?? markup];
    if (text === undefined) throw new Error(`report.html: no such slot — ${script ?? markup}`);
    return text;
  });
}

function summary({ state, steps, totalSteps, testAccuracy, testExamples }: Metrics): string {
  const done = state === "done" ? `${totalSteps} steps` : `${steps.at(-1)?.step ?? 0} of ${totalSteps} steps`;
  const accuracy =
    testAccuracy === undefined
      ? "not evaluated yet"
      : `${percent(testAccuracy)} of ${testExamples.toLocaleString("en")} test images correct`;
  return `${done}, ${accuracy}`;
}

type Cell = string | number;

function table(entries: readonly (readonly [string, unknown])[]): string {
  return entries
    .map(([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`)
    .join("\n");
}

function rows(list: readonly (readonly Cell[])[], none: string): string {
  if (list.length === 0) return `<tr><td colspan="3">${escapeHtml(none)}</td></tr>`;
  return list.map((cells) => `<tr>${cells.map((c) => `<td>${escapeHtml(c)}</td>`).join("")}</tr>`).join("\n");
}
