import { batch, computed, signal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { settings } from "../app/address.ts";
import { restored } from "../app/canvases.ts";
import { guess, guesses, phase, record, worker } from "../app/studio.ts";
import { digitOf, example, type Point, type Strokes, trace } from "./digit.ts";
import { Picture, paint } from "./picture.tsx";

/** Width of the pen on the pad. */
const PEN = 0.075;

/** So often at most the lanes guess while they learn, milliseconds. */
const PATIENCE = 500;

/** What is drawn, or a test image that was chosen; `pixels` is that in the form of the data set. */
const strokes = signal<Strokes>(example);
const chosen = signal<Uint8Array | undefined>(undefined);
export const pixels = computed(() => chosen.value ?? digitOf(strokes.value));

const samples = signal<readonly (Uint8Array | undefined)[]>([]);

export function clearPad(): void {
  batch(() => {
    strokes.value = [];
    chosen.value = undefined;
  });
}

/** Changes with what the lanes have learnt; empty while there are none. */
const learned = computed(() => {
  const { lanes = [], seeds = [] } = record.value ?? {};
  return lanes.length > 0 ? `${seeds.length} ${seeds.at(-1)?.steps.length} ${phase.value}` : "";
});

/** What one draws, or chooses with the keyboard, is what all lanes guess. */
export function Pad() {
  const canvas = useRef<HTMLCanvasElement>(null);
  useSignalEffect(() => {
    void restored.value;
    draw(canvas.current!);
  });
  useGuesses();
  return (
    <section class="pad" aria-label="Pad">
      <canvas
        ref={canvas}
        width={420}
        height={420}
        id="pad"
        tabIndex={0}
        role="img"
        aria-label={`Pad: ${said.value}. Draw with mouse, finger or pen, or choose a test image below; space clears.`}
        onPointerDown={begin}
        onPointerMove={goOn}
        onKeyDown={(event) => {
          if (event.key !== " ") return;
          event.preventDefault();
          clearPad();
        }}
      />
      <p class="hint">
        <span>draw here</span>
        <button type="button" onClick={clearPad} title="Clear the pad">
          clear <kbd>space</kbd>
        </button>
      </p>
    </section>
  );
}

/** What is on the pad, and what the lanes make of it. */
const said = computed(() => {
  if (!pixels.value) return "empty";
  return chosen.value ? "a test image" : "a drawing";
});

/** For those who do not draw. */
export function Samples() {
  useSamples();
  const names = record.value?.classes ?? [];
  return (
    <fieldset class="samples">
      <legend class="hidden">Test images</legend>
      {samples.value.length > 0 && <p>or a test image</p>}
      {samples.value.map(
        (sample, label) =>
          sample && (
            <button
              key={label}
              type="button"
              aria-pressed={chosen.value === sample}
              title={names[label]}
              aria-label={`Test image: ${names[label]}`}
              onClick={() => (chosen.value = sample)}
            >
              <Picture pixels={sample} />
            </button>
          ),
      )}
    </fieldset>
  );
}

function begin(event: PointerEvent & { readonly currentTarget: HTMLCanvasElement }): void {
  if (event.button !== 0) return;
  event.preventDefault();
  event.currentTarget.focus({ preventScroll: true });
  event.currentTarget.setPointerCapture(event.pointerId);
  const fresh = chosen.value !== undefined || strokes.value === example;
  batch(() => {
    chosen.value = undefined;
    strokes.value = [...(fresh ? [] : strokes.value), [placeOf(event, event.currentTarget)]];
  });
}

function goOn(event: PointerEvent & { readonly currentTarget: HTMLCanvasElement }): void {
  const pad = event.currentTarget;
  if (!pad.hasPointerCapture(event.pointerId)) return;
  const between = event.getCoalescedEvents?.() ?? [];
  const points = (between.length > 0 ? between : [event]).map((each) => placeOf(each, pad));
  const last = strokes.value.at(-1) ?? [];
  strokes.value = [...strokes.value.slice(0, -1), [...last, ...points]];
}

function placeOf({ clientX, clientY }: PointerEvent, pad: HTMLCanvasElement): Point {
  const { left, top, width, height } = pad.getBoundingClientRect();
  return { x: (clientX - left) / width, y: (clientY - top) / height };
}

function draw(canvas: HTMLCanvasElement): void {
  const context = canvas.getContext("2d")!;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (chosen.value) {
    paint(context, chosen.value);
    return;
  }
  context.scale(canvas.width, canvas.height);
  context.strokeStyle = "#fff";
  trace(context, strokes.value, PEN);
}

let guessed = 0;
let waiting: number | undefined;

/** Asks the lanes when the drawing changes, and again and again while they learn. */
function useGuesses(): void {
  useSignalEffect(() => {
    void guess(pixels.value);
  });
  useSignalEffect(() => {
    if (learned.value === "") {
      guesses.value = undefined;
      return;
    }
    const ask = (): void => {
      waiting = undefined;
      guessed = performance.now();
      void guess(pixels.peek());
    };
    if (waiting !== undefined) return;
    waiting = window.setTimeout(ask, Math.max(0, guessed + PATIENCE - performance.now()));
  });
}

/** A test image of each class, as soon as the data are there; of articles of clothing nobody draws one. */
function useSamples(): void {
  useSignalEffect(() => {
    if (learned.value === "" || asked === dataOf()) return;
    asked = dataOf();
    void worker()
      .examples()
      .then((examples) => {
        samples.value = examples;
        if (asked.startsWith("fashion") && strokes.peek() === example) chosen.value = examples[7];
      });
  });
}

let asked = "";
const dataOf = (): string => `${settings.peek().data} ${settings.peek().testImages}`;
