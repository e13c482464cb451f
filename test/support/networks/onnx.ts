/** ONNX files of whole networks: fixtures/networks/README.md. */
import { commands } from "vitest/browser";
import { externalDataOf, importOnnx } from "../../../src/formats/onnx/import.ts";
import { someImages } from "../data/images.ts";
import type { NetworkRow } from "./row.ts";

async function read(name: string): ReturnType<NetworkRow["read"]> {
  const bytes = async (file: string): Promise<Uint8Array> => {
    const response = await fetch(new URL(`../fixtures/networks/${file}`, import.meta.url));
    return new Uint8Array(await response.arrayBuffer());
  };
  const file = await bytes(`${name}.onnx`);
  const beside = [...externalDataOf(file).keys()];
  const externalData = new Map(
    await Promise.all(beside.map(async (other) => [other, await bytes(other)] as const)),
  );
  return importOnnx(file, { source: name, externalData });
}

const row = (name: string, network: string, source: string, batch = 2): NetworkRow => ({
  ...{ network, source, batch, read: () => read(name), images: someImages },
  expected: (shape) => commands.runOnnxFixture(`networks/${name}`, [...shape]),
});

/** Today's default exporter makes files for one image. */
const DEFAULT = "`torch.onnx.export`";

export const ONNX_ROWS: readonly NetworkRow[] = [row("resnet18", "ResNet-18", `torchvision, ${DEFAULT}`, 1)];
