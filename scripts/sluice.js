#!/usr/bin/env node
// `npx sluice`, in a clone and from the package. A clone runs its sources, also where an older `dist` lies beside them.
import { existsSync } from "node:fs";
import "./require-node.js";

const source = new URL("../origin/cli/main.ts", import.meta.url);
await import(existsSync(source) ? source.href : "../dist/origin/cli/main.js");
