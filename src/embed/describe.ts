import { bytesWithin, type DType, type Tensor } from "../graph/tensor.ts";
import type { PreparedOp } from "./op.ts";

/** What a prepared op takes, does and needs. */
export interface OpDescription {
  readonly name: string;
  /** The tensors that the caller gives buffers for, as they are in memory. */
  readonly tensors: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly dtype: DType; readonly bytes: number }>
  >;
  /** Names of the kernels, in the order of their launches. */
  readonly kernels: readonly string[];
  /** Memory that was allocated besides the caller's. */
  readonly workspaceBytes: number;
  /** Read and written, if each launch touches each of its tensors once. */
  readonly bytes: number;
  /** Multiplications and additions of convolutions and dense ops, by the definition; missing where memory alone limits. */
  readonly flops?: number;
  /** What the device must allow at least. */
  readonly limits: {
    readonly maxStorageBufferBindingSize: number;
    readonly maxStorageBuffersPerShaderStage: number;
    readonly maxComputeInvocationsPerWorkgroup: number;
    readonly maxComputeWorkgroupsPerDimension: number;
    readonly features: readonly string[];
  };
}

/** Shapes and bytes of an op's tensors, its work, its memory, and what it needs of a device. */
export function describeOp(prepared: PreparedOp<never>): OpDescription {
  const { name, dispatches, workspaceBytes } = prepared;
  const flops = flopsOf(prepared.tensors);
  const launches = dispatches.map(({ kernel, bindings, workgroups }) => {
    const sizes = Object.values(bindings).map((tensor) => bytesWithin(tensor).size);
    return { kernel, sizes, workgroups };
  });
  const sizes = launches.flatMap((launch) => launch.sizes);
  const most = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.max(a, b), 0);
  const tensors = Object.entries(prepared.tensors).map(([tensor, { shape, storage }]) => {
    return [tensor, { shape, dtype: storage.dtype, bytes: prepared.bytes(tensor) }] as const;
  });
  return {
    name,
    tensors: Object.fromEntries(tensors),
    kernels: launches.map(({ kernel }) => kernel.name),
    workspaceBytes,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    ...(flops !== undefined && { flops }),
    limits: {
      maxStorageBufferBindingSize: most(sizes),
      maxStorageBuffersPerShaderStage: most(launches.map((launch) => launch.sizes.length)),
      maxComputeInvocationsPerWorkgroup: most(
        launches.map(({ kernel }) => kernel.workgroupSize.reduce((a, b) => a * b)),
      ),
      maxComputeWorkgroupsPerDimension: most(launches.flatMap(({ workgroups }) => workgroups)),
      features: [...new Set(launches.flatMap(({ kernel }) => kernel.features))],
    },
  };
}

/** Of a pass of an op with a weight, (…, C, K): each number of y sums up a column of it, and each gradient takes as much. */
function flopsOf(tensors: Readonly<Record<string, Tensor>>): number | undefined {
  const { y, dy, weight, dx, dweight } = tensors;
  const [result, matrix] = [y ?? dy, weight ?? dweight];
  if (!result || !matrix || matrix.shape.length < 2) return undefined;
  const size = ({ shape }: Tensor): number => shape.reduce((product, extent) => product * extent, 1);
  const passes = Math.max(1, [dx, dweight].filter(Boolean).length);
  return (passes * 2 * size(result) * size(matrix)) / matrix.shape.at(-1)!;
}
