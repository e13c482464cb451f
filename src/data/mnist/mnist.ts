import type { Dataset } from "../dataset.ts";
import { type IdxAbout, type IdxPair, idxDataset } from "./idx.ts";

export const aboutMnist: IdxAbout = {
  name: "mnist",
  classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  normalize: { mean: [0.1307], std: [0.3081] },
};

/** MNIST: handwritten digits, 28×28 grey, 60,000 to train on and 10,000 to test on (LeCun, Cortes and Burges). */
export const mnist = (files: IdxPair): Dataset => idxDataset(files, aboutMnist);
