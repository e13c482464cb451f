/** A file's weights, found by the layers that they belong to. */
import { KERAS_3 } from "../../weights/safetensors.ts";
import type { NamedWeights } from "../../weights/tensors.ts";

type Weight = NonNullable<ReturnType<NamedWeights["get"]>>;

export class KerasWeights {
  /** By the last two parts of their names, such as `conv1/kernel`; a file may have several of these. */
  readonly #found = new Map<string, { readonly parts: readonly string[]; readonly weight: Weight }[]>();

  take(weights: Iterable<readonly [name: string, weight: Weight]>): void {
    for (const [name, weight] of weights) {
      const parts = name.replace(/:0$/, "").split("/");
      const key = parts.slice(-2).join("/");
      this.#found.set(key, [...(this.#found.get(key) ?? []), { parts, weight }]);
    }
  }

  /** What is wrong if the file has its weights by number instead of by layers' names; undefined if it has not. */
  get nameless(): string | undefined {
    const isNameless = [...this.#found.keys()].some((key) => /^vars\/\d+$/.test(key));
    return isNameless
      ? `has its weights without names, as --input_format=keras_keras of the converter writes them; convert it with ${KERAS_3}`
      : undefined;
  }

  /**
   * A weight of the layer of this path, outermost model first: the one whose name has most of the path at its end.
   * Undefined if there is none; "ambiguous" if there are several.
   */
  find(path: readonly string[], name: string): Weight | "ambiguous" | undefined {
    const all = this.#found.get(`${path.at(-1)}/${name}`) ?? [];
    const wanted = [...path, name];
    const common = ({ parts }: (typeof all)[number]): number => {
      let length = 0;
      while (length < wanted.length && parts.at(-1 - length) === wanted.at(-1 - length)) length++;
      return length;
    };
    const most = Math.max(...all.map(common));
    const best = all.filter((one) => common(one) === most);
    return best.length > 1 ? "ambiguous" : best[0]?.weight;
  }
}
