/** What this browser can do, looked at before a race opens the GPU. */
import { signal } from "@preact/signals";
import { describeAdapter, isSoftwareAdapter } from "webgraft";

export type Adapter =
  | { readonly state: "looking" }
  | { readonly state: "there"; readonly name: string; readonly software: boolean }
  /** A race cannot run; `why` is a sentence, `advice` what to do in this browser. */
  | { readonly state: "none"; readonly why: string; readonly advice: readonly string[] };

export const adapter = signal<Adapter>({ state: "looking" });

export async function lookForAdapter(): Promise<void> {
  const { gpu } = navigator;
  if (!gpu) {
    const why = isSecureContext
      ? "WebGPU is off in this browser, or the browser is too old for it."
      : "Browsers allow WebGPU only to pages that come over https, or from localhost.";
    adapter.value = { state: "none", why, advice: isSecureContext ? adviceFor(navigator.userAgent) : [] };
    return;
  }
  // Without an adapter, some browsers answer null and others throw.
  const found = await gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  adapter.value = found
    ? { state: "there", name: nameOf(found.info), software: isSoftwareAdapter(found.info) }
    : {
        state: "none",
        why: "This browser has WebGPU, but found no GPU that it may use.",
        advice: ["Update the graphics driver, and restart the browser.", ...adviceFor(navigator.userAgent)],
      };
}

/** Some browsers do not tell. */
const nameOf = (info: GPUAdapterInfo): string =>
  info.vendor || info.description ? describeAdapter(info) : "a GPU that the browser does not name";

/** How WebGPU is switched on in the browser with this name. */
export function adviceFor(userAgent: string): readonly string[] {
  if (/Firefox\//.test(userAgent)) {
    return [
      "Firefox has WebGPU from version 141 on Windows and 145 on macOS: update it.",
      "Elsewhere, such as on Linux, open about:config, set dom.webgpu.enabled to true, and restart Firefox.",
    ];
  }
  if (/Chrome\//.test(userAgent)) {
    // Edge names both.
    const [name, scheme] = userAgent.includes("Edg/") ? ["Edge", "edge"] : ["Chrome", "chrome"];
    return [
      `${name} has WebGPU from version 113, on Android from 121: update it.`,
      `Open ${scheme}://settings/system and turn on graphics acceleration.`,
      `Still nothing, or on Linux: open ${scheme}://flags, enable “Unsafe WebGPU Support” and “Vulkan”, and restart ${name}.`,
    ];
  }
  if (/Safari\//.test(userAgent)) {
    return [
      "Safari has WebGPU from version 26 on: update macOS, iOS or iPadOS.",
      "In Safari 18 it is off: on a Mac, Settings → Advanced → Show features for web developers, then Feature Flags → WebGPU; on a phone or tablet, Settings → Apps → Safari → Advanced → Feature Flags → WebGPU.",
    ];
  }
  return ["Take a current Chrome, Edge, Firefox or Safari."];
}
