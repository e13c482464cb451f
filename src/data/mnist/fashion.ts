import type { Dataset } from "../dataset.ts";
import { type IdxAbout, type IdxPair, idxDataset } from "./idx.ts";

export const aboutFashion: IdxAbout = {
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
};

/** Fashion-MNIST: articles of clothing, in the format of MNIST (Xiao, Rasul and Vollgraf, arXiv:1708.07747). */
export const fashion = (files: IdxPair): Dataset => idxDataset(files, aboutFashion);
