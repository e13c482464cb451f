/** `webgraft/job`: a training run for an app, with settings, commands and events as plain data. */

export { type AugmentKind, augmentKinds } from "./augmentation.ts";
export { Job, type JobOptions } from "./job.ts";
export type * from "./protocol.ts";
export { checkSettings, defaultLearningRate, defaultSettings, type JobSettings } from "./settings.ts";
export { smooth } from "./smooth.ts";
