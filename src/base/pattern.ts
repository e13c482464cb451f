/** Whether all of a name matches a pattern in which `*` stands for any text, dots included. */
export function matchesPattern(pattern: string, name: string): boolean {
  const literals = pattern.split("*").map((text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literals.join(".*")}$`).test(name);
}
