import { Job, type JobCommand } from "webgraft/job";

const job = new Job((event) => postMessage(event), { dataUrl: new URL("data", location.href).href });

addEventListener("message", ({ data }: MessageEvent<JobCommand>) => job.handle(data));
