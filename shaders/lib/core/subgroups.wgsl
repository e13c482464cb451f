// The subgroup functions. That their callers' control flow is uniform follows here from the numbers of invocations,
// which the language's analysis cannot see through: who uses this says why.
enable subgroups;
diagnostic(off, subgroup_uniformity);
