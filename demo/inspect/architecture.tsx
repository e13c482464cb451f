import type { Layer } from "webgraft";
import { count } from "../app/words.ts";
import { LaneDrawing } from "../race/lane-drawing.tsx";
import { about, laneModel, path } from "./state.ts";
import { operationsInWords, partInWords, shapeInWords } from "./words.ts";

/** A part of the network: a stage, a block or a layer. */
interface Part {
  readonly path: readonly string[];
  readonly layers: readonly Layer[];
  /** Whether it lies in a block that a shortcut spans, or holds one. */
  readonly joins: boolean;
}

/** The parts right below a path, in order. */
function partsOf(layers: readonly Layer[], at: readonly string[]): Part[] {
  const parts = new Map<string, Layer[]>();
  for (const each of layers) {
    const names = each.label.split(".");
    if (names.length <= at.length || at.some((name, i) => names[i] !== name)) continue;
    const key = names[at.length]!;
    parts.set(key, [...(parts.get(key) ?? []), each]);
  }
  return [...parts].map(([name, below]) => ({
    path: [...at, name],
    layers: below,
    joins: below.some(({ inputs }) => inputs.length > 1),
  }));
}

/** The network from the model itself, zoomed from the whole to a stage, a block and a layer. */
export function Architecture() {
  const layers = about.value?.layers ?? [];
  const at = path.value;
  const parts = partsOf(layers, at);
  return (
    <section aria-labelledby="architecture">
      <h2 id="architecture">Architecture</h2>
      <p class="crumbs">
        <button type="button" class="link" onClick={() => go([])} aria-current={at.length === 0 || undefined}>
          Whole network
        </button>
        {at.map((part, i) => (
          <span key={part}>
            {" › "}
            <button
              type="button"
              class="link"
              onClick={() => go(at.slice(0, i + 1))}
              aria-current={i === at.length - 1 || undefined}
            >
              {partInWords(part)}
            </button>
          </span>
        ))}
      </p>
      {laneModel.value && (
        <LaneDrawing
          lane={laneModel.value}
          ratios={undefined}
          {...(at.length > 0 && { chosen: at.join(".") })}
        />
      )}
      {parts.length > 0 && (
        <ol class="parts">
          {parts.map((part) => (
            <li key={part.path.join(".")}>
              <button type="button" class={part.joins ? "part joins" : "part"} onClick={() => go(part.path)}>
                <b>{partInWords(part.path.at(-1)!)}</b>
                <span>{inWords(part)}</span>
              </button>
            </li>
          ))}
        </ol>
      )}
      <p class="hint">
        Choose a part to look inside; the maps below are of the layer that is chosen. Rust: a shortcut joins
        here.
      </p>
    </section>
  );
}

function go(to: readonly string[]): void {
  path.value = to;
}

function inWords({ layers }: Part): string {
  const last = layers.at(-1)!;
  const parameters = layers.reduce((sum, { parameterCount }) => sum + parameterCount, 0);
  const what = layers.length === 1 ? operationsInWords(last.operations) : `${layers.length} layers`;
  return `${what} · ${shapeInWords(last.shape)} · ${count(parameters)} parameters`;
}
