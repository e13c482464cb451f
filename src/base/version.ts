/** This library's version, written into the files it makes; a test compares it with package.json. */
export const VERSION = "0.1.0";
