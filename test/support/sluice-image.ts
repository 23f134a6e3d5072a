// The image of the Dockerfile, built once for each state of the sources: that takes half a minute, and two files of tests
// run it.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { imageCache, makeBaseImages, podman } from "./images.ts";
import { ownCache } from "./own-cache.ts";
import { packOnce, type PackedSluice } from "./packed.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Of this clone alone: others on the machine build images of their own. */
const NAME = `localhost/sluice-test-${createHash("sha256").update(root).digest("hex").slice(0, 8)}`;
const FILES = ["Dockerfile", ".dockerignore", "package-lock.json", "deploy/image/install-packages.mjs"];

const npmCache = process.env["npm_config_cache"] ?? join(homedir(), ".npm");
/** What this machine trusts: behind a proxy of its own npm needs it in the container too. */
const certificates =
  process.env["NODE_EXTRA_CA_CERTS"] ??
  ["/etc/ssl/certs/ca-certificates.crt"].find((file) => existsSync(file));

const tagOf = async (packed: PackedSluice): Promise<string> => {
  const hash = createHash("sha256");
  for (const file of [packed.file, ...FILES.map((name) => join(root, name))])
    hash.update(await readFile(file));
  return `${NAME}:${hash.digest("hex").slice(0, 16)}`;
};

const build = async (packed: PackedSluice, tag: string): Promise<void> => {
  const context = await mkdtemp(join(tmpdir(), "sluice-context-"));
  const run = basename(context).toLowerCase();
  const bases = { base: `localhost/${run}-base`, node: `localhost/${run}-node` };
  await makeBaseImages(bases);
  try {
    await mkdir(join(context, "deploy", "image"), { recursive: true });
    for (const file of FILES) await cp(join(root, file), join(context, file));
    await cp(packed.file, join(context, packed.filename));
    const options = { "--isolation": "chroot", "--network": "host", "--format": "docker", "--tag": tag };
    const buildArguments = {
      NODE_IMAGE: bases.node,
      BASE_IMAGE: bases.base,
      SLUICE: packed.filename,
      ...(certificates === undefined ? {} : { NODE_EXTRA_CA_CERTS: certificates }),
    };
    const volumes = [
      `${npmCache}:/root/.npm`,
      "/etc/resolv.conf:/etc/resolv.conf:ro",
      ...(certificates === undefined ? [] : [`${certificates}:${certificates}:ro`]),
    ];
    await podman(
      "build",
      // Of each line's layer the plain file system would make a whole copy.
      "--layers=false",
      ...Object.entries(options).flat(),
      ...Object.entries(buildArguments).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
      ...volumes.flatMap((volume) => ["--volume", volume]),
      context,
    );
  } finally {
    await podman("rmi", "--force", bases.base, bases.node);
    await rm(context, { recursive: true, force: true });
  }
};

/** Its name. Files of tests run beside each other: who comes second waits for the first. It is kept for the next run. */
export const sluiceImage = async (): Promise<string> => {
  const packed = await packOnce();
  const ownership = await ownCache(imageCache, "the image of the tests");
  try {
    const tag = await tagOf(packed);
    const kept = (await podman("images", "--format", "{{.Repository}}:{{.Tag}}", NAME)).split("\n");
    if (kept.includes(tag)) return tag;
    await build(packed, tag);
    const older = kept.filter((name) => name !== "");
    if (older.length > 0) await podman("rmi", "--force", ...older);
    return tag;
  } finally {
    await ownership.release();
  }
};
