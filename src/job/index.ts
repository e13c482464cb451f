/** `webgraft/job`: a training run for an app, with settings, commands and events as plain data. */

export { type AugmentKind, augmentKinds } from "./augmentation.ts";
export { Job } from "./job.ts";
export type { JobOptions } from "./options.ts";
export type * from "./protocol.ts";
export { checkSettings, defaultLearningRate, defaultSettings, type JobSettings } from "./settings.ts";
export { smooth } from "./smooth.ts";
