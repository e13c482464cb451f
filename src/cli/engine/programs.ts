/** The scripts that engines load. The kit for machines without this repository (test/kit) has them elsewhere. */
import { fileURLToPath } from "node:url";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What a process of Node or Deno runs first. */
export const MAIN = here("../runtime/main.ts");

/** A run's page. */
export const PAGE = here("page/main.ts");
