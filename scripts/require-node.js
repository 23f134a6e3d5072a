// Loaded before every command: plain JavaScript, so that an old Node or a checkout without its packages is answered with
// a sentence instead of a stack trace.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const isClone = existsSync(new URL("../origin", import.meta.url));

const hasPackages = () => {
  try {
    createRequire(import.meta.url).resolve("zod");
    return true;
  } catch {
    return false;
  }
};

if (!hasPackages()) {
  console.error(
    isClone
      ? "Sluice's packages are not installed. Run `npm ci` first."
      : "Sluice's packages are not installed. Run `npm install` where Sluice is installed.",
  );
  process.exit(1);
}
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Sluice needs Node 22.18 or newer, this is ${process.version}. ` +
      (isClone
        ? "On Linux `npm ci` brings one: use `npm run` or `npx sluice` in this folder."
        : "On Linux the package brings one, which `npx sluice` takes: install it into a folder, and not with --global or --omit=optional."),
  );
  process.exit(1);
}
