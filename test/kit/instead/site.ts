/** The kit has the bench's pages built, and neither peers nor a bundler. */
import type { Site } from "../../bench/site.ts";
import { app } from "./resources.ts";

export const openSite = async (): Promise<Site> => ({
  page: (name) => ({ url: "", file: app(`pages/${name}.js`) }),
  close: async () => {},
});

export const peerVersions = (): Record<string, string> => ({});

export function installPeers(): never {
  throw new Error("the kit has no browser for peers");
}

export function measureSizes(): never {
  throw new Error("the kit has no bundler, so it cannot tell sizes");
}
