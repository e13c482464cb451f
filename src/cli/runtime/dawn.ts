/** For `installWebGpu`: with experimental features, which browsers have behind a flag; matrix units are one. */
export const DAWN_FLAGS = ["enable-dawn-features=allow_unsafe_apis"];
