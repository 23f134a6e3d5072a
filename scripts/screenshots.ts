// `npm run screenshots`: pictures of the console's pages in the seeded shop, light and dark, for a desk and for a phone, into
// docs/console. With --check they are compared with those that are there: exit 1 where one looks otherwise.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { comparePictures } from "./pictures/compare-pictures.ts";
import { isCompared, takePictures, type Picture } from "./pictures/console-pictures.ts";
import { startSeededOrigin } from "./seed/seeded-origin.ts";
import { programPath } from "./system-programs.ts";

const given = process.argv.slice(2);
const wrong = given.find((each) => each !== "--check");
if (wrong !== undefined) {
  console.error(`unknown argument ${wrong}: npm run screenshots [-- --check]`);
  process.exit(2);
}
const isCheck = given.includes("--check");
const folder = fileURLToPath(new URL("../docs/console/", import.meta.url));

const keep = async ({ file, png }: Picture): Promise<void> => writeFile(join(folder, file), png);

const differences = await mkdtemp(join(tmpdir(), "sluice-pictures-"));
let differing = 0;
const check = async ({ file, png }: Picture): Promise<void> => {
  const kept = await readFile(join(folder, file)).catch(() => null);
  const { same, found, difference } =
    kept === null
      ? { same: false, found: "there is none yet", difference: null }
      : comparePictures(kept, png);
  if (same) return;
  differing += 1;
  const place = join(differences, file);
  await writeFile(place, difference ?? png);
  console.error(`docs/console/${file}: ${found}. Look at ${place}`);
};

const origin = await startSeededOrigin();
const browser = await chromium.launch({
  executablePath: programPath("chromium", "npm run screenshots"),
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
try {
  await mkdir(folder, { recursive: true });
  let pictures = 0;
  for await (const picture of takePictures(browser, origin, isCheck ? isCompared : undefined)) {
    pictures += 1;
    await (isCheck ? check : keep)(picture);
  }
  if (!isCheck) console.log(`docs/console has ${pictures} pictures`);
  else if (differing === 0) console.log(`${pictures} pictures look as those of docs/console`);
  else console.error("If that is meant: npm run screenshots, look at them, and commit them.");
  if (differing === 0) await rm(differences, { recursive: true, force: true });
} finally {
  await browser.close();
  await origin.stop();
}
process.exitCode = differing === 0 ? 0 : 1;
