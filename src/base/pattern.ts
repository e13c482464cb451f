/** Whether a name fits a pattern: `*` is any text, dots included; all else is itself, from the first letter to the last. */
export function matchesPattern(pattern: string, name: string): boolean {
  const literals = pattern.split("*").map((text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literals.join(".*")}$`).test(name);
}
