const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export const escapeHtml = (value: unknown): string =>
  String(value).replace(/[&<>"]/g, (character) => ENTITIES[character]!);
