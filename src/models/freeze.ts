import { matchesPattern } from "../base/pattern.ts";

/**
 * Makes a predicate for `frozen` of patterns of parameter names, in which `*` stands for any text, dots included:
 * `freeze("resnet.conv1.*", "resnet.layer1.*")` matches the weights of both. No other character is special, so
 * `freeze("*.bn?.*")` matches nothing. A batch norm with a frozen weight keeps its running statistics too.
 */
export const freeze =
  (...patterns: readonly string[]): ((name: string) => boolean) =>
  (name) =>
    patterns.some((pattern) => matchesPattern(pattern, name));
