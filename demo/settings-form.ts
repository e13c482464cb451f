import {
  type BackboneName,
  backbonesFor,
  createModel,
  datasetNames,
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

/** The images of both data sets. */
const IMAGES = { inputShape: [28, 28, 1], classes: 10 } as const;

/** The backbone of the pretrained weights. */
const PRETRAINED = "resnet20";

/** The form of a run's settings, which hides what the chosen topology does not have. */
export class SettingsForm {
  readonly element = byId("settings", HTMLFormElement);
  readonly #fields = byId("fields", HTMLFieldSetElement);
  readonly #augment: readonly HTMLInputElement[];
  /** The learning rate suggested for the other settings; a rate that the user typed in stays. */
  #suggested = "";
  /** The topology whose backbones are listed. */
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

  /** Shows the settings of a run; `examples` is the number that it has if its settings do not tell. */
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

  /** The topology, its backbone, and the backbone's pretrained weights and frozen parameters. */
  #network(): Pick<JobSettings, "topology" | "backbone" | "weights" | "frozen"> {
    const topology = this.#topology;
    const own = this.#ownBackbone;
    if (!own) return { topology };
    const backbone = this.#field("backbone").value as BackboneName | "";
    const weights = (backbone || own) === PRETRAINED ? this.#field("weights").value : "";
    return {
      topology,
      ...(backbone !== "" && { backbone }),
      ...(weights !== "" && { weights: [weights] }),
      frozen: weights !== "" && this.#check("frozen").checked ? backbonePatterns(topology) : [],
    };
  }

  /** Lists the backbones that the topology can have, its default first. */
  #listBackbones(): void {
    const topology = this.#topology;
    if (topology === this.#listed) return;
    this.#listed = topology;
    const names = backbonesFor(topology, IMAGES.inputShape);
    this.#field("backbone").replaceChildren(
      ...names.map((name, i) => (i === 0 ? new Option(name, "") : new Option(name))),
    );
  }

  /** Shows the fields that go with the current choices, and resets the others. */
  #arrange(): void {
    this.#listBackbones();
    const own = this.#ownBackbone;
    const network = this.#network();
    const mixed = this.#augment.some(({ checked }) => checked);
    const canCache = own !== undefined && isSplit(network);
    const cache = this.#check("cacheFeatures");
    if (!canCache || mixed) cache.checked = false;
    cache.disabled = mixed;
    for (const input of this.#augment) input.disabled = cache.checked;

    byId("backbone", HTMLElement).hidden = !own;
    byId("weights", HTMLElement).hidden = !own || (network.backbone ?? own) !== PRETRAINED;
    byId("frozen", HTMLElement).hidden = !network.weights;
    byId("cache", HTMLElement).hidden = !canCache;

    const optimizer = this.#field("optimizer").value as JobSettings["optimizer"];
    const suggested = String(defaultLearningRate({ ...network, optimizer }));
    if (this.#field("lr").value === this.#suggested) this.#field("lr").value = suggested;
    this.#suggested = suggested;
  }

  /** The topology's default backbone, if it has one. */
  get #ownBackbone(): BackboneName | undefined {
    return backbonesFor(this.#topology, IMAGES.inputShape)[0];
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

  /** Selects a value in a list, or the first one if the list does not have it. */
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

/** A checkbox in a label. */
function checkbox(value: string): HTMLInputElement {
  const input = document.createElement("input");
  Object.assign(input, { type: "checkbox", value });
  const label = document.createElement("label");
  label.className = "check";
  label.append(input, value);
  return input;
}

/** Patterns of the names of a topology's backbone's parameters. */
function backbonePatterns(topology: JobSettings["topology"]): readonly string[] {
  const [prefix] = Object.keys(createModel(topology, IMAGES).backbones ?? {});
  return prefix === "" ? ["conv1.*", "bn1.*", "layer*"] : [`${prefix}*`];
}

/** Whether a model has a frozen first part, whose features can be cached. */
function isSplit({ topology, ...options }: Pick<JobSettings, "topology" | "backbone" | "frozen">): boolean {
  try {
    splitModel(createModel(topology, { ...IMAGES, ...options }));
    return true;
  } catch {
    return false;
  }
}
