// The system's own Chromium, driven by playwright-core.
import { chromium, type Browser } from "playwright-core";

/** Root has no use for Chromium's sandbox, which refuses to start for it. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
