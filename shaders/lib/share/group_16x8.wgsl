// A workgroup of 16 × 8 tiles that share their operands.
// use: shared

const THREADS = 128u;
const GROUP_ROWS = 16u;
const GROUP_COLUMNS = 8u;
const SLAB = 4u;
