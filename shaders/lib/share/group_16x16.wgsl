// A workgroup of 16 × 16 tiles that share their operands.
// use: shared

const THREADS = 256u;
const GROUP_ROWS = 16u;
const GROUP_COLUMNS = 16u;
const SLAB = 8u;
