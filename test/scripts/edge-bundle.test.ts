// What a deployment uploads. An isolate parses all of it before its first request, so it stays small. The edge and shared
// import zod as a namespace (`import * as z`): the bundler then leaves out what nothing uses, such as 50 languages of
// messages. With `import { z }` in a single file it keeps all of zod, 750 kB.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { bundleEdge } from "../../scripts/local-stack/edge-server.ts";

const MAX_GZIPPED_BYTES = 150_000;

test("the Worker's modules take no more than 150 kB gzipped", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-edge-bundle-"));
  try {
    await bundleEdge(folder);
    const modules = (await readdir(folder)).filter((file) => /\.(?:js|wasm)$/.test(file));
    expect(modules).toContain("worker.js");
    const sizes = await Promise.all(
      modules.map(async (file) => gzipSync(await readFile(join(folder, file))).length),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MAX_GZIPPED_BYTES);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
