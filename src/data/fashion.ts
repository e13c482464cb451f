import type { Dataset } from "./dataset.ts";
import { type IdxPair, idxDataset } from "./idx.ts";

/** Fashion-MNIST: articles of clothing, in the format of MNIST (Xiao, Rasul and Vollgraf, arXiv:1708.07747). */
export function fashion(files: IdxPair): Dataset {
  return idxDataset(files, {
    name: "fashion",
    classes: [
      "T-shirt/top",
      "Trouser",
      "Pullover",
      "Dress",
      "Coat",
      "Sandal",
      "Shirt",
      "Sneaker",
      "Bag",
      "Ankle boot",
    ],
    normalize: { mean: [0.286], std: [0.353] },
  });
}
