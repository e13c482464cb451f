import { matchesPattern } from "../base/pattern.ts";

/**
 * What `frozen` takes, by patterns of parameter names in which `*` is any text, dots included:
 * `freeze("resnet.conv1.*", "resnet.layer1.*")` names the weights of both, `freeze("*.bn?.*")` nothing, since
 * `?` is itself. A batch norm whose weight is frozen keeps its running statistics too.
 */
export const freeze =
  (...patterns: readonly string[]): ((name: string) => boolean) =>
  (name) =>
    patterns.some((pattern) => matchesPattern(pattern, name));
