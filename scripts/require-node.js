// Loaded before every command: plain JavaScript, so that an old Node or a checkout without its packages is answered with
// a sentence instead of a stack trace.
import { existsSync } from "node:fs";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const hasPackages = existsSync(new URL("../node_modules/zod", import.meta.url));

if (!hasPackages) {
  console.error("Sluice's packages are not installed. Run `npm ci` first.");
  process.exit(1);
}
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Sluice needs Node 22.18 or newer, this is ${process.version}. ` +
      "`npm ci` brings one: use `npm run` or `npx sluice` in this folder.",
  );
  process.exit(1);
}
