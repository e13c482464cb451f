/** With a non-breaking space. */
export const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)}\u00a0%`;

export const count = (value: number): string => value.toLocaleString("en");

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** `1 h 2 min`, `2 min 3 s`, `3 s`. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
