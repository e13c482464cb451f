/** The kit takes the driver that the Vulkan loader finds, and installs nothing. */
import type { Gpu } from "../../../src/cli/engine/vulkan.ts";

export type { Gpu };

export const softwareVulkan = async (): Promise<Readonly<Record<string, string>>> => ({});

export const withBestGpu = <T>(launch: (gpu: Gpu) => Promise<T>): Promise<T> => launch("hardware");
