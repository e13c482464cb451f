import { choose, lesson, settings } from "../app/address.ts";
import {
  isOpen,
  isReplay,
  learningRate,
  pause,
  phase,
  resume,
  setLearningRate,
  start,
  step,
  stop,
} from "../app/studio.ts";
import { count } from "../app/words.ts";
import { depths, imageCounts } from "../runs/settings.ts";
import { hasDepth, noDifference } from "./recorded.ts";

/** Round numbers, evenly spaced on a log scale. */
const RATES = [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1];

/** The one button, what belongs to it, and the depth: on a phone a dock at the bottom. */
export function Dock() {
  return (
    <div class="dock">
      <MainButton />
      {isOpen.value ? (
        <>
          <button type="button" disabled={phase.value !== "paused"} onClick={step}>
            Step
          </button>
          <button type="button" disabled={phase.value === "stopping"} onClick={stop}>
            Stop
          </button>
        </>
      ) : (
        !lesson.value && hasDepth(settings.value) && <Depth />
      )}
    </div>
  );
}

function MainButton() {
  if (!isOpen.value) {
    const again = phase.value === "idle" ? "" : " again";
    return (
      <button type="button" class="main" onClick={() => void start()}>
        <span aria-hidden="true">▶</span> Race{again}
      </button>
    );
  }
  const held = phase.value === "paused";
  return (
    <button
      type="button"
      class="main"
      disabled={phase.value === "pausing" || phase.value === "stopping"}
      onClick={held ? resume : pause}
    >
      <span aria-hidden="true">{held ? "▶" : "❚❚"}</span> {held ? "Go on" : "Pause"}
    </button>
  );
}

function Depth() {
  const { depth } = settings.value;
  return (
    <fieldset class="choice depth">
      <legend>
        Depth <span>in layers</span>
      </legend>
      {depths.map((each) => (
        <label key={each}>
          <input
            type="radio"
            name="depth"
            checked={each === depth}
            onChange={() => choose({ depth: each })}
          />
          <span class="segment">
            {each}
            {noDifference(each) && <small> no difference</small>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** What else one can turn; all other settings are in the drawer. */
export function Controls() {
  const { images, depth } = settings.value;
  if (lesson.value) return null;
  return (
    <div class="controls">
      {isOpen.value ? (
        <p class="fixed">
          {hasDepth(settings.value) && `${depth} layers, `}
          {count(images)} images: fixed while a race is open.
        </p>
      ) : (
        <Stops
          label="Images"
          hint="to learn from"
          stops={imageCounts}
          value={images}
          onChange={(value) => choose({ images: value })}
        />
      )}
      {!isReplay.value && (
        <Stops
          label="Learning rate"
          hint={isOpen.value ? "live" : "can be changed while they learn"}
          stops={RATES}
          value={learningRate.value}
          onChange={setLearningRate}
        />
      )}
    </div>
  );
}

/** A slider with stops; a value between them, such as from a link, stands at the nearest one. */
function Stops({
  label,
  hint,
  stops,
  value,
  onChange,
}: {
  readonly label: string;
  readonly hint: string;
  readonly stops: readonly number[];
  readonly value: number;
  readonly onChange: (value: number) => void;
}) {
  const distances = stops.map((stop) => Math.abs(Math.log(stop / value)));
  return (
    <label class="stops">
      <span>
        {label} <small>{hint}</small>
      </span>
      <input
        type="range"
        min={0}
        max={stops.length - 1}
        value={distances.indexOf(Math.min(...distances))}
        aria-valuetext={count(value)}
        onInput={(event) => onChange(stops[Number(event.currentTarget.value)]!)}
      />
      <output>{value < 1 ? value : count(value)}</output>
    </label>
  );
}
