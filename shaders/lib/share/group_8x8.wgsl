// A workgroup of 8 × 8 tiles, for `share_workgroup`.

const THREADS = 64u;
const GROUP_ROWS = 8u;
const GROUP_COLUMNS = 8u;
