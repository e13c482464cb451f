import { ShapeError } from "../base/errors.ts";
import type { Capabilities } from "../kernel/capabilities.ts";
import { withHalf } from "../kernel/half.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Graph } from "./graph.ts";
import type { Dispatch, Emitter, OpNode } from "./op.ts";
import type { DType, Tensor } from "./tensor.ts";

/** Collects the launches emitted under one label: a node, or part of an update. */
export class Launches implements Emitter {
  readonly dispatches: Dispatch[] = [];
  readonly graph: Graph;
  readonly label: string;

  constructor(graph: Graph, label: string) {
    this.graph = graph;
    this.label = label;
  }

  get device(): Capabilities {
    return this.graph.device;
  }

  dispatch(
    kernel: Kernel,
    bindings: Dispatch["bindings"],
    constants: Dispatch["constants"],
    workgroups: Dispatch["workgroups"],
  ): void {
    const half = kernel.bindings.filter(({ name }) => bindings[name]!.storage.dtype === "f16");
    const fitting = withHalf(
      kernel,
      half.map(({ name }) => name),
    );
    this.dispatches.push({ kernel: fitting, bindings, constants, workgroups, label: this.label });
  }

  temporary(name: string, shape: readonly number[], dtype: DType = "f32"): Tensor {
    return this.graph.tensor(`${this.label}.${name}`, shape, { role: "temporary", dtype });
  }

  constant(name: string, data: Float32Array | Int32Array | Uint32Array): Tensor {
    const dtype = data instanceof Float32Array ? "f32" : data instanceof Int32Array ? "i32" : "u32";
    if (dtype === "f32" && data.length % 4 !== 0) {
      throw new ShapeError(
        this.label,
        "the data of an f32 constant must be padded to a multiple of 4",
        `${name}: ${data.length} elements`,
      );
    }
    return this.graph.tensor(`${this.label}.${name}`, [data.length], { role: "constant", dtype, data });
  }
}

/** Launches of the nodes' forward passes. */
export function emitForward(graph: Graph, nodes: readonly OpNode[]): readonly Dispatch[] {
  return nodes.flatMap((node) => {
    const emit = new Launches(graph, node.label);
    node.op.forward(emit, node);
    return emit.dispatches;
  });
}

/** Launches that recompute the nodes' outputs, skipping what may run only once a step (`Op.again`). */
export function emitAgain(graph: Graph, nodes: readonly OpNode[]): readonly Dispatch[] {
  return nodes.flatMap((node) => {
    const emit = new Launches(graph, `again(${node.label})`);
    (node.op.again ?? node.op).forward(emit, node);
    return emit.dispatches;
  });
}
