/** `webgraft/job`: a training run as an app wants it, with settings and events in plain data. */

export { type AugmentKind, augmentKinds } from "./augmentation.ts";
export { Job, type JobOptions } from "./job.ts";
export type * from "./protocol.ts";
export { checkSettings, defaultLearningRate, defaultSettings, type JobSettings } from "./settings.ts";
