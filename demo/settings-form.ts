import {
  checkSettings,
  defaultLearningRates,
  defaultSettings,
  type JobSettings,
  optimizerNames,
  topologyNames,
} from "webgraft";
import { byId } from "./dom.ts";

/** The settings as the form shows them. */
export class SettingsForm {
  readonly element = byId("settings", HTMLFormElement);
  readonly #fields = byId("fields", HTMLFieldSetElement);

  constructor() {
    this.#options("topology", topologyNames());
    this.#options("optimizer", optimizerNames);
    this.show(defaultSettings);
    this.#field("optimizer").addEventListener("change", () => {
      const name = optimizerNames.find((known) => known === this.#field("optimizer").value);
      if (name) this.#field("lr").value = String(defaultLearningRates[name]);
    });
  }

  set enabled(enabled: boolean) {
    this.#fields.disabled = !enabled;
  }

  /** Throws WebgraftError for settings that do not fit together. */
  read(): JobSettings {
    const number = (name: string): number => Number(this.#field(name).value);
    const testExamples = this.#field("testExamples").value;
    return checkSettings({
      topology: this.#field("topology").value,
      data: this.#field("data").value,
      optimizer: this.#field("optimizer").value,
      examples: number("examples"),
      epochs: number("epochs"),
      batch: number("batch"),
      lr: number("lr"),
      seed: number("seed"),
      ...(testExamples !== "" && { testExamples: Number(testExamples) }),
    });
  }

  show(settings: JobSettings): void {
    this.#field("testExamples").value = "";
    for (const [name, value] of Object.entries(settings)) {
      // A checkpoint of the command line may have settings that the form has not.
      const field = this.element.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement | null;
      if (field) field.value = String(value);
    }
  }

  #field(name: string): HTMLInputElement | HTMLSelectElement {
    return this.element.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;
  }

  #options(name: string, values: readonly string[]): void {
    this.#field(name).append(...values.map((value) => new Option(value)));
  }
}
