import { signal } from "@preact/signals";
import { record } from "../app/studio.ts";
import { Pixels } from "./pixels.tsx";
import { lane, laneModel } from "./state.ts";
import { layerInWords } from "./words.ts";

/** The norm in the cell under the pointer, in words. */
const pointed = signal("");

/** Decades that the scale spans on each side of the median. */
const DECADES = 2;

/** Rust below the median, white at it, violet above. */
function colour(value: number): readonly [number, number, number] {
  if (Number.isNaN(value)) return [128, 128, 128];
  const share = Math.min(1, Math.abs(value) / DECADES);
  const [r, g, b] = value >= 0 ? [74, 32, 160] : [179, 79, 9];
  return [255 + share * (r - 255), 255 + share * (g - 255), 255 + share * (b - 255)];
}

const medianOf = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 1;

/** Gradient norms, layers × steps, of the seed that runs or ran last. */
export function HeatMap() {
  const model = laneModel.value;
  const log = record.value?.seeds.at(-1);
  const columns = log?.steps.map(({ step, gradients }) => ({ step, norms: gradients[lane.value] })) ?? [];
  const layers = model?.layers ?? [];
  const width = columns.length;
  const height = layers.length;
  const median = medianOf(columns.flatMap(({ norms }) => norms ?? []).filter((norm) => norm > 0));
  const values = layers.flatMap((_, row) =>
    columns.map(({ norms }) => {
      const norm = norms?.[row];
      return norm === undefined || norm <= 0 ? Number.NaN : Math.log10(norm / median);
    }),
  );
  const point = (event: PointerEvent): void => {
    const { left, top, width: w, height: h } = (event.currentTarget as Element).getBoundingClientRect();
    const column = columns[Math.floor(((event.clientX - left) / w) * width)];
    const row = Math.floor(((event.clientY - top) / h) * height);
    const norm = column?.norms?.[row];
    pointed.value =
      column && norm !== undefined
        ? `${layerInWords(layers[row]!.label)}, step ${column.step}: norm ${norm.toPrecision(3)}`
        : "";
  };
  return (
    <section aria-labelledby="gradients">
      <h2 id="gradients">Gradients</h2>
      <p class="hint">
        How much of the loss reaches each layer: the norm of its weights' gradient, the first layer on top,
        steps from left to right. White is the median, {median.toPrecision(2)}; violet a hundred times more,
        rust a hundred times less.
      </p>
      {width > 0 && (
        <div class="heat" onPointerMove={point} onPointerLeave={() => (pointed.value = "")}>
          <Pixels
            {...{ values, width, height, colour }}
            alt={`Gradient norms of ${height} layers in ${width} steps; ${extremes(columns, layers)}`}
          />
        </div>
      )}
      <p class="hint">{pointed.value || (width > 0 ? extremes(columns, layers) : "No steps yet.")}</p>
    </section>
  );
}

/** First and last layer at the last step, in words. */
function extremes(
  columns: readonly { readonly step: number; readonly norms: readonly number[] | null | undefined }[],
  layers: readonly { readonly label: string }[],
): string {
  const last = columns.findLast(({ norms }) => norms);
  if (!last?.norms) return "This lane has told no gradients.";
  const [first, end] = [last.norms[0]!, last.norms.at(-1)!];
  return (
    `Step ${last.step}: ${layerInWords(layers[0]!.label)} ${first.toPrecision(2)}, ` +
    `${layerInWords(layers.at(-1)!.label).toLowerCase()} ${end.toPrecision(2)}`
  );
}
