// A workgroup of 16 × 16 tiles, for `share_workgroup`.

const THREADS = 256u;
const GROUP_ROWS = 16u;
const GROUP_COLUMNS = 16u;
