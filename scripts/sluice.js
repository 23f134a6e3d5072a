#!/usr/bin/env node
// `npx sluice`: plain JavaScript, so that an old Node answers with a sentence instead of a syntax error.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Sluice needs Node 22.18 or newer, this is ${process.version}. ` +
      "Inside this repository `npm ci` brings one: use `npx sluice` or `npm run`.",
  );
  process.exit(1);
}
await import("../origin/cli/main.ts");
