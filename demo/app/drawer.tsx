import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { datasetNames } from "webgraft";
import { laneNames } from "../runs/lane-names.ts";
import { settingWords } from "../runs/setting-names.ts";
import {
  allowedFor,
  defaultSettings,
  depths,
  imageCounts,
  laneKinds,
  type RaceSettings,
  readSettings,
  settingNames,
  writeSetting,
} from "../runs/settings.ts";
import { choose, settings } from "./address.ts";
import { isOpen } from "./studio.ts";

type Name = keyof RaceSettings;

/** Values that were refused, as they were given; they stand in their fields until they are mended. */
const refusals = signal<Partial<Record<Name, string>>>({});

/** What a field shows. */
const shown = (name: Name): string => refusals.value[name] ?? writeSetting(name, settings.value);

/** Takes a value over if it is allowed. */
function enter(name: Name, text: string): void {
  const query = new URLSearchParams(settingNames.map((each) => [each, writeSetting(each, settings.value)]));
  query.set(name, text);
  const found = readSettings(query);
  const { [name]: _, ...others } = refusals.value;
  const refused = found.refused.includes(`${name}=${text}`);
  refusals.value = refused ? { ...others, [name]: text } : others;
  // Fewer images than a batch has change the batch, too.
  if (!refused) choose({ [name]: found.settings[name], batch: found.settings.batch });
}

function restore(): void {
  refusals.value = {};
  settings.value = defaultSettings;
}

let dialog: HTMLDialogElement | null = null;

const keep = (element: HTMLDialogElement | null): void => {
  dialog = element;
};

export const openDrawer = (): void => dialog?.showModal();

/** Every setting of a race. */
export function Drawer() {
  return (
    <dialog ref={keep} class="drawer" aria-labelledby="drawer-title">
      <header>
        <h2 id="drawer-title">Settings of the race</h2>
        <button type="button" onClick={() => dialog?.close()}>
          Close
        </button>
      </header>
      {isOpen.value && (
        <p role="status">A race is open: settings can be changed once it is done or stopped.</p>
      )}
      <fieldset class="fields" disabled={isOpen.value}>
        <legend class="hidden">Settings</legend>
        <Data />
        <Networks />
        <Training />
        <Changes />
      </fieldset>
      <p>
        <button type="button" disabled={isOpen.value} onClick={restore}>
          Restore the defaults
        </button>
      </p>
    </dialog>
  );
}

function Data() {
  return (
    <section>
      <h3>Images</h3>
      <Choice name="data" options={datasetNames.map((name) => [name, settingWords.data.text(name)])}>
        Handwritten digits, or clothes: grey images of 28 × 28 pixels, ten classes.
      </Choice>
      <Field name="images" suggested={imageCounts}>
        The fewer, the harder to learn.
      </Field>
      <Field name="testImages">
        Never trained on; they decide the race. More of them, less chance in the result.
      </Field>
    </section>
  );
}

function Networks() {
  const chosen = shown("lanes").split(".");
  return (
    <section>
      <h3 id="networks-title">Networks</h3>
      <p class="quiet" id="networks-allowed">
        {sentence(allowedFor("lanes"))} Hybrids mix a ConvNet and a ResNet in one of three ways: interleaved,
        one behind the other, or side by side.
      </p>
      <fieldset aria-labelledby="networks-title" aria-describedby="networks-allowed lanes-refused">
        {laneKinds.map((kind) => (
          <label key={kind} class="check">
            <input
              type="checkbox"
              checked={chosen.includes(kind)}
              onChange={({ currentTarget: { checked } }) =>
                enter("lanes", laneKinds.filter((k) => (k === kind ? checked : chosen.includes(k))).join("."))
              }
            />
            <span>
              <b class={laneNames[kind].origin}>{laneNames[kind].name}</b>
              <small>{laneNames[kind].what}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <Refusal name="lanes" />
      <Field name="depth" unit="layers" suggested={depths}>
        Of Plain, Grafted and Residual, which have the same parameters.
      </Field>
      <Choice
        name="batchNorm"
        options={[
          ["yes", "with"],
          ["no", "without"],
        ]}
      >
        Brings what a convolution puts out to one scale. Without it, a deep plain stack does not learn at all.
      </Choice>
    </section>
  );
}

function Training() {
  return (
    <section>
      <h3>Training</h3>
      <Field name="epochs">How often all training images are seen.</Field>
      <Field name="batch" unit="images a step">
        Each step learns from so many images at once.
      </Field>
      <Field name="rate">How far a step goes, at the height of one rise and fall (AdamW, one cycle).</Field>
      <Field name="seeds">
        How often the race is run, each time with other first weights and another order of images. One run is
        chance.
      </Field>
    </section>
  );
}

/** What the link or the last race has of changes by hand. */
function Changes() {
  const { rates } = settings.value;
  if (rates.length === 0) return null;
  return (
    <section>
      <h3>Learning rate, changed by hand</h3>
      <ul>
        {rates.map(({ seed, step, rate }) => (
          <li key={`${seed} ${step}`}>
            {rate} from step {step} of seed {seed} on
          </li>
        ))}
      </ul>
      <p class="quiet">The next race makes the same changes, so that it comes out the same.</p>
      <button type="button" onClick={() => choose({})}>
        Forget the changes
      </button>
    </section>
  );
}

interface FieldProps {
  readonly name: Name;
  /** What it is. */
  readonly children: ComponentChildren;
}

function Field({
  name,
  unit,
  suggested,
  children,
}: FieldProps & { readonly unit?: string; readonly suggested?: readonly number[] }) {
  return (
    <div class="field">
      <label for={`set-${name}`}>
        {settingWords[name].name}
        {unit && `, ${unit}`}
      </label>
      <input
        id={`set-${name}`}
        inputMode="decimal"
        autocomplete="off"
        value={shown(name)}
        list={suggested && `suggested-${name}`}
        aria-invalid={refusals.value[name] !== undefined}
        aria-describedby={`about-${name} ${name}-refused`}
        onChange={(event) => enter(name, event.currentTarget.value.trim())}
      />
      {suggested && (
        <datalist id={`suggested-${name}`}>
          {suggested.map((value) => (
            <option key={value} value={value} />
          ))}
        </datalist>
      )}
      <small id={`about-${name}`}>{children}</small>
      <Refusal name={name} />
    </div>
  );
}

function Choice({ name, options, children }: FieldProps & { readonly options: readonly [string, string][] }) {
  return (
    <div class="field">
      <label for={`set-${name}`}>{settingWords[name].name}</label>
      <select
        id={`set-${name}`}
        value={shown(name)}
        aria-describedby={`about-${name}`}
        onChange={(event) => enter(name, event.currentTarget.value)}
      >
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <small id={`about-${name}`}>{children}</small>
    </div>
  );
}

/** Always there, so that what comes into it is read out. */
function Refusal({ name }: { readonly name: Name }) {
  const refused = refusals.value[name];
  return (
    <small class="refused" id={`${name}-refused`} role="alert">
      {refused !== undefined &&
        `✗ ${name === "lanes" ? "" : `“${refused}” `}is not allowed: ${allowedFor(name)}.`}
    </small>
  );
}

const sentence = (words: string): string => `${words[0]!.toUpperCase()}${words.slice(1)}.`;
