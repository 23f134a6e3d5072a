// `npm run screenshots`: pictures of the console's pages after the demo's story, light and dark, for a desk and for a phone.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type BrowserContext } from "playwright-core";
import { freePort } from "../origin/db/free-port.ts";
import { CONSOLE_PAGES } from "../shared/console-pages.ts";
import { startStack } from "./local-stack/stack.ts";
import { programPath } from "./system-programs.ts";

const VIEWS = {
  "": { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  "-dark": { viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
  "-phone": { viewport: { width: 375, height: 812 }, colorScheme: "light" },
} as const;
/** Charts and fonts are there by then. */
const SETTLED_MS = 1_500;

const pictures = fileURLToPath(new URL("../docs/console/", import.meta.url));
const dataDir = await mkdtemp(join(tmpdir(), "sluice-screenshots-"));
const [edge, origin, shop] = await Promise.all([freePort(), freePort(), freePort()]);
const stack = await startStack({ dataDir, ports: { edge, origin, shop }, onLine: () => {} });

const signIn = async (context: BrowserContext): Promise<void> => {
  const page = await context.newPage();
  await page.goto(`${stack.origin.url}/auth/sign-in`);
  await page.getByLabel("API token").fill(stack.secrets.adminToken);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await page.getByRole("heading", { name: "Features" }).waitFor();
  await page.close();
};

const browser = await chromium.launch({
  executablePath: programPath("chromium", "npm run screenshots"),
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
try {
  const demo = spawn(process.execPath, [fileURLToPath(new URL("demo.ts", import.meta.url))], {
    stdio: "inherit",
    env: {
      ...process.env,
      EDGE_PORT: String(edge),
      ORIGIN_PORT: String(origin),
      SHOP_PORT: String(shop),
      DATA_DIR: dataDir,
    },
  });
  const [code] = await once(demo, "exit");
  if (code !== 0) throw new Error(`the demo ended with ${String(code)}`);
  await mkdir(pictures, { recursive: true });
  for (const [suffix, view] of Object.entries(VIEWS)) {
    const context = await browser.newContext({ ...view, timezoneId: "UTC", locale: "en-GB" });
    await signIn(context);
    for (const { file, example } of CONSOLE_PAGES) {
      const page = await context.newPage();
      await page.goto(stack.origin.url + example);
      await page.waitForTimeout(SETTLED_MS);
      await page.screenshot({ path: join(pictures, `${file}${suffix}.png`), fullPage: file === "feature" });
      await page.close();
    }
    await context.close();
  }
  console.log(`docs/console has ${CONSOLE_PAGES.length * Object.keys(VIEWS).length} pictures`);
} finally {
  await browser.close();
  await stack.stop();
  await rm(dataDir, { recursive: true, force: true });
}
