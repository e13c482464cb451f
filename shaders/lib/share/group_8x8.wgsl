// A workgroup of 8 × 8 tiles that share their operands.
// use: shared

const THREADS = 64u;
const GROUP_ROWS = 8u;
const GROUP_COLUMNS = 8u;
const SLAB = 4u;
