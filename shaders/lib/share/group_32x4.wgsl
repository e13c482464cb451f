// A workgroup of 32 × 4 tiles, for `share_workgroup`.

const THREADS = 128u;
const GROUP_ROWS = 32u;
const GROUP_COLUMNS = 4u;
