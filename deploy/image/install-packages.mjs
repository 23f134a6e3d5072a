// Runs in the image's first stage: installs what the origin needs, at the lock's versions, and writes down what that is.
// The Worker and the embedded PostgreSQL are left out, with all that runs them.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";

const NPM = "/usr/local/lib/node_modules/npm/bin/npm-cli.js";
const npm = (...args) =>
  execFileSync(process.execPath, [NPM, ...args], {
    maxBuffer: 2 ** 26,
    stdio: ["ignore", "pipe", "inherit"],
  });

const {
  devDependencies: _,
  optionalDependencies: __,
  ...origin
} = JSON.parse(readFileSync("package.json", "utf8"));
for (const name of ["wrangler", "miniflare"]) delete origin.dependencies[name];
writeFileSync("package.json", `${JSON.stringify(origin, null, 2)}\n`);
npm("install", "--ignore-scripts", "--no-audit", "--no-fund");
writeFileSync("sbom.cdx.json", npm("sbom", "--sbom-format=cyclonedx"));
rmSync("install-packages.mjs");
