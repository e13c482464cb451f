import { laneNames } from "../runs/lane-names.ts";
import type { LaneModel } from "../runs/run.ts";
import { opacityOf, reachOf } from "./gradients.ts";

const WIDTH = 640;
const HEIGHT = 76;
const WIDEST = 40;
const TALLEST = 46;

/** The layers of a lane from the images at the left to the classes at the right. */
export function LaneDrawing({
  lane,
  ratios,
  chosen,
}: {
  readonly lane: LaneModel;
  readonly ratios: readonly number[] | undefined;
  /** How the labels of the layers begin that stand out: `layer1.0`. */
  readonly chosen?: string;
}) {
  const row = lane.layers.map((layer, i) => ({ ...layer, i })).filter(({ projection }) => !projection);
  const pitch = Math.min(WIDEST, WIDTH / row.length);
  const gap = Math.min(12, pitch / 4);
  const place = new Map(row.map(({ i }, at) => [i, at * pitch]));
  const tallest = Math.max(...row.map(({ height }) => height));
  const tall = (i: number): number => TALLEST * (0.3 + (0.7 * lane.layers[i]!.height) / tallest);
  return (
    <svg
      class="net"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="xMinYMax meet"
      role="img"
      aria-label={describe(lane, ratios)}
    >
      {row.map(({ i, label, residual }) => {
        const ratio = ratios?.[i];
        const reach = ratio === undefined ? "none" : reachOf(ratio);
        return (
          <rect
            key={i}
            class={`layer ${residual ? "res" : "conv"} ${reach} ${isUnder(label, chosen) ? "chosen" : ""}`}
            x={place.get(i)! + gap / 2}
            y={HEIGHT - 1 - tall(i)}
            width={pitch - gap}
            height={tall(i)}
            rx={Math.min(4, pitch / 6)}
            fill-opacity={reach === "usual" ? opacityOf(ratio!).toFixed(2) : undefined}
          />
        );
      })}
      {lane.shortcuts.map(([from, to]) => {
        const top = HEIGHT - 4 - tall(from);
        const [start, end] = [place.get(from)! + pitch / 4, place.get(to)! + (3 * pitch) / 4];
        return (
          <path
            key={from}
            class="shortcut"
            d={`M${start} ${top}C${start} ${top - 18} ${end} ${top - 18} ${end} ${top}`}
          />
        );
      })}
    </svg>
  );
}

const isUnder = (label: string, part: string | undefined): boolean =>
  part !== undefined && (label === part || label.startsWith(`${part}.`));

/** The drawing in words. */
function describe({ kind, layers, shortcuts }: LaneModel, ratios: readonly number[] | undefined): string {
  const { name, what } = laneNames[kind];
  const across = layers.filter(({ residual }) => residual).length;
  const build = `${name}. ${what} ${layers.length} layers, ${across} of them under ${shortcuts.length} shortcuts.`;
  if (!ratios) return build;
  const [low, high] = (["low", "high"] as const).map(
    (reach) => ratios.filter((ratio) => reachOf(ratio) === reach).length,
  );
  const first = ratios[0]!;
  const size = first >= 1 ? `${first.toPrecision(2)} times` : `1/${(1 / first).toPrecision(2)} of`;
  return (
    `${build} Gradient: ${low} layers get less than a tenth of the median layer, ${high} more than ten times; ` +
    `the first layer gets ${size} the median.`
  );
}

/** What the drawings mean. */
export function Legend() {
  const square = (kind: string, opacity?: number) => (
    <svg class="key" viewBox="0 0 16 16" aria-hidden="true">
      <rect class={`layer ${kind}`} x="2" y="2" width="12" height="12" rx="3" fill-opacity={opacity} />
    </svg>
  );
  return (
    <div class="legend">
      <ul>
        <li>{square("conv", 0.6)} convolution</li>
        <li>{square("res", 0.6)} convolution under a shortcut</li>
        <li>
          <svg class="key" viewBox="0 0 16 16" aria-hidden="true">
            <path class="shortcut" d="M2 13C2 1 14 1 14 13" />
          </svg>{" "}
          shortcut
        </li>
        <li>
          {square("conv", 0.15)}
          {square("conv", 0.55)}
          {square("conv", 1)} the stronger, the more gradient reaches it
        </li>
        <li>{square("low")} too little: under 1/10 of the median layer</li>
        <li>{square("high")} too much: over 10 times the median layer</li>
      </ul>
      <svg class="patterns" width="0" height="0" aria-hidden="true">
        <pattern
          id="too-much"
          width="4"
          height="4"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <rect class="ground" width="4" height="4" />
          <rect class="stripe" width="1.4" height="4" />
        </pattern>
      </svg>
    </div>
  );
}
