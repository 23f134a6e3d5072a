#!/usr/bin/env node
// `npx sluice`.
import "./require-node.js";

await import("../origin/cli/main.ts");
