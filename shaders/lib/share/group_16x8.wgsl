// A workgroup of 16 × 8 tiles, for `share_workgroup`.

const THREADS = 128u;
const GROUP_ROWS = 16u;
const GROUP_COLUMNS = 8u;
