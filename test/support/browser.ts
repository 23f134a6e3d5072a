// The system's own Chromium, driven by playwright-core.
import { chromium, type Browser } from "playwright-core";
import { programPath } from "../../scripts/system-programs.ts";

/** Root has no use for Chromium's sandbox, which refuses to start for it. */
export const startBrowser = (args: readonly string[] = []): Promise<Browser> =>
  chromium.launch({
    executablePath: programPath("chromium", "This test"),
    args: [...args, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])],
  });
