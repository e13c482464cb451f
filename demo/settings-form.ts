import {
  type BackboneName,
  backboneNames,
  createModel,
  datasetNames,
  type Model,
  optimizers,
  splitModel,
  topologyNames,
} from "webgraft";
import {
  augmentKinds,
  checkSettings,
  defaultLearningRate,
  defaultSettings,
  type JobSettings,
} from "webgraft/job";
import pretrained from "webgraft/pretrained/resnet20-fashion.safetensors?url";
import { byId } from "./dom.ts";

/** What the pretrained weights are of. */
const PRETRAINED = "resnet20";

/** The settings as the form shows them: what the chosen topology does not have is hidden. */
export class SettingsForm {
  readonly element = byId("settings", HTMLFormElement);
  readonly #fields = byId("fields", HTMLFieldSetElement);
  readonly #augment: readonly HTMLInputElement[];
  /** The learning rate that goes with the other settings; one that was typed in stays. */
  #suggested = "";
  /** The topology for which backbones are listed. */
  #listed = "";

  constructor() {
    this.#options("topology", topologyNames());
    this.#options("data", datasetNames);
    this.#options("optimizer", Object.keys(optimizers));
    this.#field("weights").append(new Option("Fashion-MNIST weights", pretrained));
    this.#augment = augmentKinds.map(checkbox);
    byId("augment", HTMLElement).append(...this.#augment.map(({ parentElement }) => parentElement!));
    this.show(defaultSettings);
    this.element.addEventListener("change", () => this.#arrange());
  }

  /** Whether the device can store activations as f16. */
  set hasHalf(hasHalf: boolean) {
    byId("mixed", HTMLElement).hidden = !hasHalf;
  }

  set enabled(enabled: boolean) {
    this.#fields.disabled = !enabled;
  }

  /** Throws WebgraftError for settings that do not fit together. */
  read(): JobSettings {
    const number = (name: string): number => Number(this.#field(name).value);
    const testExamples = this.#field("testExamples").value;
    const augment = this.#augment.filter(({ checked }) => checked).map(({ value }) => value);
    return checkSettings({
      ...this.#network(),
      data: this.#field("data").value,
      optimizer: this.#field("optimizer").value,
      examples: number("examples"),
      epochs: number("epochs"),
      batch: number("batch"),
      lr: number("lr"),
      seed: number("seed"),
      ...(testExamples !== "" && { testExamples: Number(testExamples) }),
      ...(augment.length > 0 && { augment }),
      ...(this.#check("cacheFeatures").checked && { cacheFeatures: true }),
      ...(this.#check("mixed").checked && { precision: "mixed" }),
    });
  }

  /** `examples` are those that the run has, where its settings do not say. */
  show(settings: JobSettings, examples = settings.examples): void {
    for (const name of ["topology", "data", "epochs", "batch", "lr", "optimizer", "seed"] as const) {
      this.#field(name).value = String(settings[name]);
    }
    this.#field("examples").value = String(examples);
    this.#field("testExamples").value = String(settings.testExamples ?? "");
    this.#listBackbones();
    this.#choose("backbone", settings.backbone);
    this.#choose("weights", settings.weights?.[0]);
    this.#check("frozen").checked = (settings.frozen ?? []).length > 0;
    this.#check("cacheFeatures").checked = settings.cacheFeatures ?? false;
    this.#check("mixed").checked = settings.precision === "mixed";
    for (const input of this.#augment)
      input.checked = settings.augment?.some((kind) => kind === input.value) ?? false;
    this.#suggested = "";
    this.#arrange();
  }

  /** Topology, backbone, and what of it is given and stays. */
  #network(): Pick<JobSettings, "topology" | "backbone" | "weights" | "frozen"> {
    const topology = this.#topology;
    const own = backboneOf(topology);
    if (!own) return { topology };
    const backbone = this.#field("backbone").value as BackboneName | "";
    const weights = (backbone || own.name) === PRETRAINED ? this.#field("weights").value : "";
    return {
      topology,
      ...(backbone !== "" && { backbone }),
      ...(weights !== "" && { weights: [weights] }),
      frozen: weights !== "" && this.#check("frozen").checked ? own.patterns : [],
    };
  }

  /** Lists the backbones that the topology may have, with its own one first. */
  #listBackbones(): void {
    const topology = this.#topology;
    if (topology === this.#listed) return;
    this.#listed = topology;
    const own = backboneOf(topology);
    const others = backboneNames().filter(
      (name) => name !== own?.name && model({ topology, backbone: name }),
    );
    const options = own ? [new Option(own.name, ""), ...others.map((name) => new Option(name))] : [];
    this.#field("backbone").replaceChildren(...options);
  }

  /** Shows what goes with the choices so far, and resets what does not. */
  #arrange(): void {
    this.#listBackbones();
    const own = backboneOf(this.#topology);
    const network = this.#network();
    const made = model(network);
    const mixed = this.#augment.some(({ checked }) => checked);
    const canCache = made !== undefined && isSplit(made);
    const cache = this.#check("cacheFeatures");
    if (!canCache || mixed) cache.checked = false;
    cache.disabled = mixed;
    for (const input of this.#augment) input.disabled = cache.checked;

    byId("backbone", HTMLElement).hidden = !own;
    byId("weights", HTMLElement).hidden = !own || (network.backbone ?? own.name) !== PRETRAINED;
    byId("frozen", HTMLElement).hidden = !network.weights;
    byId("cache", HTMLElement).hidden = !canCache;

    const optimizer = this.#field("optimizer").value as JobSettings["optimizer"];
    const suggested = String(defaultLearningRate({ ...network, optimizer }));
    if (this.#field("lr").value === this.#suggested) this.#field("lr").value = suggested;
    this.#suggested = suggested;
  }

  get #topology(): JobSettings["topology"] {
    return this.#field("topology").value as JobSettings["topology"];
  }

  #field(name: string): HTMLInputElement | HTMLSelectElement {
    return this.element.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;
  }

  #check(name: string): HTMLInputElement {
    return this.#field(name) as HTMLInputElement;
  }

  /** Chooses a value from a list, or the first one where it has no such value. */
  #choose(name: string, value: string | undefined): void {
    const list = this.#field(name) as HTMLSelectElement;
    list.selectedIndex = Math.max(
      0,
      [...list.options].findIndex((option) => option.value === value),
    );
  }

  #options(name: string, values: readonly string[]): void {
    this.#field(name).append(...values.map((value) => new Option(value)));
  }
}

/** In a label of its own. */
function checkbox(value: string): HTMLInputElement {
  const input = document.createElement("input");
  Object.assign(input, { type: "checkbox", value });
  const label = document.createElement("label");
  label.className = "check";
  label.append(input, value);
  return input;
}

/** The model for the images of both data sets; undefined where it cannot be made for them. */
function model({
  topology,
  ...options
}: Pick<JobSettings, "topology" | "backbone" | "frozen">): Model | undefined {
  try {
    return createModel(topology, { inputShape: [28, 28, 1], classes: 10, ...options });
  } catch {
    return undefined;
  }
}

/** The backbone that a topology has unless told otherwise, and patterns of its parameters' names. */
function backboneOf(
  topology: JobSettings["topology"],
): { readonly name: string; readonly patterns: readonly string[] } | undefined {
  const [first] = Object.entries(model({ topology })?.backbones ?? {});
  if (!first) return undefined;
  const [prefix, name] = first;
  return { name, patterns: prefix === "" ? ["conv1.*", "bn1.*", "layer*"] : [`${prefix}*`] };
}

function isSplit(whole: Model): boolean {
  try {
    splitModel(whole);
    return true;
  } catch {
    return false;
  }
}
