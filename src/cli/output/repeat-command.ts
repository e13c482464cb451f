import type { Metrics } from "./run-log.ts";

/** The command, for a shell, that makes a run again from its first step; a resumed run too. */
export function repeatCommand({
  settings,
  engine,
  tune,
}: Pick<Metrics, "settings" | "engine" | "tune">): string {
  // The fingerprint of a folder is made again of its files.
  const { fingerprint: _, frozen: freeze = [], ...others } = settings;
  const args = Object.entries({ ...others, freeze, engine, tune }).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === false || (Array.isArray(value) && value.length === 0)) return [];
    return value === true ? [flag] : [flag, ...[value].flat().map(quoted)];
  });
  return ["npm run train --", ...args].join(" ");
}

/** A word for a POSIX shell. */
function quoted(value: unknown): string {
  const text = String(value);
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
