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

/** Today's default exporter makes files for one image, with their weights beside them. */
const byDefault = "`torch.onnx.export`";
/** The exporter before, which is still asked for: any number of images, in one file. */
const before = (opset: number): string => `\`torch.onnx.export(dynamo=False)\`, opset ${opset}`;

const byTf = (opset: number): string => `Keras 3, tf2onnx, opset ${opset}`;

export const ONNX_ROWS: readonly NetworkRow[] = [
  row("resnet18", "ResNet-18", `torchvision, ${byDefault}`, 1),
  row("resnet50", "ResNet-50", `torchvision, ${before(17)}`),
  // Biases of convolutions, which the norms after them take away again.
  {
    ...row("resnet50_v1_zoo", "ResNet-50 v1", "ONNX model zoo's (MXNet), opset 8"),
    still: /conv\d+_fwd\.bias$/,
  },
  row("resnet18d", "ResNet-18-D", `timm, ${byDefault}`, 1),
  row("resnext50", "ResNeXt-50 32×4d", `torchvision, ${before(16)}`),
  row("vgg16_bn", "VGG-16 with batch norms", `torchvision, ${byDefault}`, 1),
  row("mobilenet_v2", "MobileNetV2", `torchvision, ${byDefault}`, 1),
  row("mobilenet_v3_small", "MobileNetV3-small", `torchvision, ${byDefault}`, 1),
  row("mobilenet_v3_small_legacy", "MobileNetV3-small", `torchvision, ${before(13)}`),
  row("squeezenet1_1", "SqueezeNet 1.1", `torchvision, ${before(11)}`),
  row("googlenet", "GoogLeNet", `torchvision, ${before(14)}`),
  row("resnet50_gn", "ResNet-50 with group norms", `timm, ${byDefault}`, 1),
  row("convnext", "ConvNeXt", `torchvision, ${byDefault}`, 1),
  row("convnext_legacy", "ConvNeXt", `torchvision, ${before(13)}`),
  {
    ...row("unet", "U-Net with instance norms", `PyTorch, ${byDefault}`, 1),
    // Biases that the norm of each channel takes away.
    still: /^(down|join)\d\.0\.bias$/,
  },
  row("tf_mobilenet_v2", "MobileNetV2", byTf(15)),
  row("tf_mobilenet_v3_small", "MobileNetV3-small", byTf(17)),
  {
    ...row("tf_decoder", "Encoder and decoder", byTf(17)),
    // What the network itself does to its images first is the model's preprocessing.
    images: (shape) => someImages(shape).map((value) => 0.5 * value + 0.1),
  },
];
