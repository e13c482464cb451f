import { signal, useSignalEffect } from "@preact/signals";
import { record } from "../app/studio.ts";
import { count, listed, percent } from "../app/words.ts";
import { laneNames } from "../runs/lane-names.ts";
import { defaultSettings, depths, type LaneKind, writeSettings } from "../runs/settings.ts";
import { keptRuns, type RunHead } from "../runs/store.ts";
import { cellsOf, recorded } from "./recorded.ts";

const kinds = ["plain", "graft", "residual"] as const;

type Kind = (typeof kinds)[number];

const [WIDTH, HEIGHT] = [560, 300];
const FRAME = { left: 60, right: WIDTH - 100, top: 12, bottom: HEIGHT - 40 };

const own = signal<readonly RunHead[]>([]);

/** Depths are as far apart as their ratios. */
const x = (depth: number): number => {
  const [low, high] = [Math.log(depths[0]), Math.log(depths.at(-1)!)];
  const place = (Math.log(depth) - low) / (high - low);
  return FRAME.left + 24 + place * (FRAME.right - FRAME.left - 40);
};

const y = (share: number): number => FRAME.bottom - share * (FRAME.bottom - FRAME.top);

/** The study's bands, and one's own runs as dots upon them. */
export function DepthChart() {
  useOwnRuns();
  const shown = own.value.filter(comparable);
  const dots = shown.reduce((sum, { seeds }) => sum + seeds.filter(({ result }) => result).length, 0);
  return (
    <section class="depths" aria-label="Depth and accuracy">
      <h2>Depth × test accuracy</h2>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={describe()}>
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <g key={share}>
            <line class="grid" x1={FRAME.left} x2={FRAME.right} y1={y(share)} y2={y(share)} />
            <text class="tick" x={FRAME.left - 8} y={y(share) + 4} text-anchor="end">
              {percent(share, 0)}
            </text>
          </g>
        ))}
        {depths.map((depth) => (
          <text key={depth} class="tick" x={x(depth)} y={FRAME.bottom + 18} text-anchor="middle">
            {depth}
          </text>
        ))}
        <text class="tick" x={(FRAME.left + FRAME.right) / 2} y={HEIGHT - 4} text-anchor="middle">
          layers
        </text>
        {kinds.map((kind) => (
          <Band key={kind} kind={kind} />
        ))}
        {shown.map((run) => (
          <Dots key={run.id} run={run} />
        ))}
      </svg>
      <p class="hint">
        Bands: lowest to highest seed of the recorded study, line: their mean. Dots:{" "}
        {dots > 0
          ? `your own seeds, ${dots} of them.`
          : "your own seeds will stand here, from races with the study's settings at any of these depths."}
      </p>
      <Source />
    </section>
  );
}

function Band({ kind }: { readonly kind: Kind }) {
  const cells = cellsOf(kind);
  if (cells.length === 0) return null;
  const { name, origin } = laneNames[kind];
  const upper = cells.map(({ depth, highest }) => `${x(depth)},${y(highest)}`);
  const lower = cells.map(({ depth, lowest }) => `${x(depth)},${y(lowest)}`).reverse();
  const last = cells.at(-1)!;
  return (
    <g class={origin}>
      <polygon class="band" points={[...upper, ...lower].join(" ")} />
      <polyline class="mean" points={cells.map(({ depth, mean }) => `${x(depth)},${y(mean)}`).join(" ")} />
      {cells.map(({ depth, mean }) => (
        <Mark key={depth} kind={kind} at={[x(depth), y(mean)]} size={4.5} />
      ))}
      <text class="label" x={x(last.depth) + 14} y={y(last.mean) + 4}>
        {name}
      </text>
    </g>
  );
}

/** A circle, a triangle, a square: the kinds differ in shape too. */
function Mark({
  kind,
  at: [cx, cy],
  size,
  dot = false,
}: {
  readonly kind: Kind;
  readonly at: readonly [number, number];
  readonly size: number;
  readonly dot?: boolean;
}) {
  const name = dot ? "mark own" : "mark";
  if (kind === "plain") return <circle class={name} cx={cx} cy={cy} r={size} />;
  if (kind === "residual") {
    return <rect class={name} x={cx - size} y={cy - size} width={2 * size} height={2 * size} />;
  }
  const corners = [
    [cx, cy - 1.2 * size],
    [cx + 1.2 * size, cy + size],
    [cx - 1.2 * size, cy + size],
  ];
  return <polygon class={name} points={corners.map((corner) => corner.join(",")).join(" ")} />;
}

/** A run's seeds, each kind a little beside the line. */
function Dots({ run: { settings, seeds } }: { readonly run: RunHead }) {
  return (
    <>
      {settings.lanes.map((kind, lane) => {
        const place = kinds.indexOf(kind as Kind);
        return (
          place >= 0 && (
            <g key={kind} class={laneNames[kind].origin}>
              {seeds.map(({ seed, result }) => {
                const accuracy = result?.accuracies[lane];
                const at = [x(settings.depth) + 9 * (place - 1) - 1, y(accuracy ?? 0)] as const;
                return accuracy == null ? null : (
                  <Mark key={seed} kind={kind as Kind} at={at} size={3.2} dot />
                );
              })}
            </g>
          )
        );
      })}
    </>
  );
}

/** Whether a run differs from the study in nothing but the depth, the lanes and the number of seeds. */
function comparable({ settings }: RunHead): boolean {
  const { depth, lanes, seeds } = defaultSettings;
  return writeSettings({ ...settings, depth, lanes, seeds }).size === 0;
}

/** Read anew when a seed is done or a race ends. */
function useOwnRuns(): void {
  useSignalEffect(() => {
    const run = record.value;
    const now = `${run?.id} ${run?.verdict?.sentence} ${run?.stopped}`;
    if (now === read) return;
    read = now;
    void keptRuns().then(
      (kept) => {
        own.value = kept.map((each) => each.record);
      },
      // Some private windows keep nothing.
      () => {},
    );
  });
}

let read = "";

function describe(): string {
  const lines = kinds.map((kind) => {
    const said = cellsOf(kind).map(({ depth, mean }) => `${percent(mean)} with ${depth}`);
    return `${laneNames[kind as LaneKind].name}: ${listed(said)} layers`;
  });
  return recorded.value ? `Recorded mean test accuracy. ${lines.join(". ")}.` : "The record is loading.";
}

/** What was recorded, when, where and of which code. */
function Source() {
  const study = recorded.value;
  if (!study) return null;
  const { setting, dates, machines, browsers, commits, versions, cells } = study;
  const seeds = cells.map((cell) => cell.seeds.length);
  const [fewest, most] = [Math.min(...seeds), Math.max(...seeds)];
  const date = new Date(dates.at(-1)!).toLocaleDateString("en", { dateStyle: "medium", timeZone: "UTC" });
  const what =
    `${fewest === most ? fewest : `${fewest} to ${most}`} seeds a mean, ${count(setting.images)} training and ` +
    `${count(setting.testImages)} test images of MNIST, ${setting.epochs} epochs`;
  const where = [...machines, ...browsers.map(browserName)].join(", ");
  const code = `Webgraft ${versions.join(", ")}, commit ${commits.join(", ")}`;
  return <p class="hint source">{`Recorded: ${what}; ${date}, ${where}; ${code}.`}</p>;
}

/** `firefox/153.7.0, software GPU: not named by the browser`, for people. */
const browserName = (browser: string): string =>
  browser.charAt(0).toUpperCase() + browser.slice(1).replace("/", " ").replace(/:.*/, "");
