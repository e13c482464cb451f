import { decodeSafetensors, encodeSafetensors, float32Values } from "../weights/safetensors.ts";

/**
 * The trained model of a checkpoint as a safetensors file: weights and running statistics, without what only
 * further training needs. Throws WeightsError for a file that is no safetensors file.
 */
export function modelFile(
  checkpoint: Uint8Array,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const { tensors } = decodeSafetensors(checkpoint, "checkpoint");
  const kept = [...tensors].filter(([name]) => !name.startsWith("optimizer."));
  return encodeSafetensors(
    new Map(kept.map(([name, stored]) => [name, { shape: stored.shape, data: float32Values(name, stored) }])),
    metadata,
  );
}
