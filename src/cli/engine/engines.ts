/** The engines: what the command line, the bench and the tests can run WebGPU in. */

export const browsers = ["chrome", "firefox"] as const;
/** Node with the npm package `webgpu` (Dawn, as in Chrome), and Deno (wgpu, as in Firefox). */
export const runtimes = ["node", "deno"] as const;
export const engines = [...browsers, ...runtimes] as const;

export type BrowserEngine = (typeof browsers)[number];
export type RuntimeEngine = (typeof runtimes)[number];
export type Engine = (typeof engines)[number];

export const isBrowser = (engine: Engine): engine is BrowserEngine =>
  browsers.some((browser) => browser === engine);
