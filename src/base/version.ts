/** This library's version, which the files it writes carry; a test holds it to package.json. */
export const VERSION = "0.1.0";
