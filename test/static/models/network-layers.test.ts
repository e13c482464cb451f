/** Layers of networks that are given as data, as files are read: what they make, and of which parameters. */
import { expect, it } from "vitest";
import { inspect } from "../../../src/models/index.ts";
import { type NetworkLayerKind, network } from "../../../src/models/topologies/network.ts";

const WINDOW = { kernelSize: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] } as const;

it.each<[NetworkLayerKind, readonly number[], readonly string[]]>([
  [{ type: "prelu", name: "p", numParameters: 1 }, [6, 8, 6], ["p.weight 1"]],
  [{ type: "prelu", name: "p", numParameters: 6 }, [6, 8, 6], ["p.weight 6"]],
  [{ type: "rescale", scale: [1, 2, 3, 4, 5, 6], offset: 1 }, [6, 8, 6], []],
  [{ type: "sub" }, [6, 8, 6], []],
  [{ type: "activation", activation: { name: "hardtanh", alpha: 0, beta: 2 } }, [6, 8, 6], []],
  [{ type: "global_max_pool", keepPixel: false }, [6], []],
  [{ type: "global_max_pool", keepPixel: true }, [1, 1, 6], []],
  [{ type: "max_pool2d", ...WINDOW, ceilMode: true }, [4, 5, 6], []],
  [{ type: "max_pool2d", ...WINDOW }, [3, 4, 6], []],
  [{ type: "avg_pool2d", ...WINDOW, countIncludePad: true, ceilMode: true }, [4, 5, 6], []],
  [{ type: "group_norm", name: "g", numGroups: 3, eps: 1e-5 }, [6, 8, 6], ["g.weight 6", "g.bias 6"]],
  [
    {
      ...{ type: "conv_transpose2d", name: "t", outChannels: 4, ...WINDOW, dilation: [1, 1], groups: 2 },
      ...{ outputPadding: [1, 0], bias: true, activation: "relu" },
    },
    [12, 15, 4],
    ["t.weight 3,3,2,6", "t.bias 4"],
  ],
  [{ type: "layer_norm", name: "l", eps: 1e-6 }, [6, 8, 6], ["l.weight 6", "l.bias 6"]],
])("%j", (layer, shape, parameters) => {
  const model = network({
    inputShape: [6, 8, 6],
    layers: [
      { ...layer, from: layer.type === "sub" ? ["images", "images"] : ["images"], to: "made" },
      { type: "flatten", from: ["made"], to: "flat" },
    ],
  });
  const graph = inspect(model);
  const made = graph.nodes.flatMap(({ outputs }) => (outputs.y ? [outputs.y.shape.slice(1)] : []));
  expect(made).toContainEqual(shape);
  expect(graph.outputs.get("logits")!.shape.slice(1)).toEqual([shape.reduce((a, b) => a * b)]);
  expect(graph.parameters.map(({ name, tensor }) => `${name} ${tensor.shape}`)).toEqual(parameters);
  for (const { tensor, decay } of graph.parameters) expect(decay).toBe(tensor.shape.length > 1);
});
