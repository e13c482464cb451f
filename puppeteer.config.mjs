/** Browsers are found on the system (src/cli/browser/find-browser.ts); a download would break an offline install. */
export default { skipDownload: true };
