/** Files that the command line loads or reads besides its modules. The kit (test/kit) has them elsewhere. */
import { fileURLToPath } from "node:url";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What a process of Node or Deno runs first. */
export const MAIN = here("runtime/main.ts");

/** The script of a run's page. */
export const PAGE = here("engine/page/main.ts");

/** The page of a report, with slots. */
export const REPORT = here("output/report.html");
