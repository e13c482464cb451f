/** Where the kit has the files that are loaded or read besides modules. */
import { join } from "node:path";

/** The folder of the kit, which run.sh tells. */
export const KIT = process.env.WEBGRAFT_KIT ?? ".";

export const app = (path: string): string => join(KIT, "app", path);

export const MAIN = app("pages/main.js");
export const PAGE = app("pages/job.js");
export const REPORT = app("report.html");
