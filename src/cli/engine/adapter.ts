/** What an engine says about its default adapter. */
export interface AdapterDescription {
  /** Empty in Firefox. */
  readonly name: string;
  readonly software: boolean;
}

/** Describes the default adapter; null if there is none. Stands alone, since it is also sent to pages as text. */
export async function describeAdapter(): Promise<AdapterDescription | null> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return null;
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const name = [vendor, architecture, device, description].filter((text) => text !== "").join(" ");
  return { name, software: isFallbackAdapter || /swiftshader|llvmpipe|basic render/i.test(name) };
}
