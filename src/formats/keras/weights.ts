/** A file's weights, found by the layers that they belong to. */
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
