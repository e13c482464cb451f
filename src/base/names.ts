/** The names in a registry, in its order. */
export const namesOf = <N extends string>(registry: Readonly<Record<N, unknown>>): readonly N[] =>
  Object.keys(registry) as N[];
