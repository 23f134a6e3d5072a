// Containers as they run without a registry: base images made from Debian's packages stand in for those that the
// Dockerfile names. One has the libraries that Node needs and nothing else, no shell; the other Node and npm beside them.
import { execFile, execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { programPath } from "../../scripts/system-programs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const imageCache = join(root, "node_modules", ".cache", "images");
const LIBRARIES = "libc6,libstdc++6,libgcc-s1,libatomic1,tzdata,base-files,ca-certificates";
const run = promisify(execFile);
/** crun fails on the control groups of some machines. Within a container each process counts against the one that made it. */
const SETTINGS = `
[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
`;

/** For podman and for programs that call it. The kernel of a CI machine has no overlay file system for it. */
export const podmanEnvironment = async (): Promise<NodeJS.ProcessEnv> => {
  await mkdir(imageCache, { recursive: true });
  const file = join(imageCache, "containers.conf");
  await writeFile(file, SETTINGS);
  return { ...process.env, STORAGE_DRIVER: "vfs", CONTAINERS_CONF: file };
};

/** Resolves with its standard output; rejects with its words. */
export const podman = async (...args: readonly string[]): Promise<string> => {
  const { stdout } = await run(programPath("podman", "npm test"), args, {
    env: await podmanEnvironment(),
    cwd: root,
    maxBuffer: 2 ** 26,
  });
  return stdout.trim();
};

const debianLibraries = async (): Promise<string> => {
  const file = join(imageCache, "libraries.tar");
  if ((await stat(file).catch(() => null)) === null) {
    await mkdir(imageCache, { recursive: true });
    const words = ["--variant=extract", `--include=${LIBRARIES}`, "bookworm", `${file}.next.tar`];
    await run(programPath("mmdebstrap", "npm test"), words, { maxBuffer: 2 ** 26 });
    execFileSync("mv", [`${file}.next.tar`, file]);
  }
  return file;
};

/** Makes both images under the given names. */
export const makeBaseImages = async (names: {
  readonly base: string;
  readonly node: string;
}): Promise<void> => {
  const libraries = await debianLibraries();
  await podman("import", libraries, names.base);
  const folder = await mkdtemp(join(tmpdir(), "sluice-image-"));
  try {
    execFileSync("tar", ["-xf", libraries, "-C", folder, "--exclude=./dev"]);
    const local = join(folder, "usr", "local");
    const npmProgram = execFileSync("sh", ["-c", 'readlink -f "$(command -v npm)"'], { encoding: "utf8" });
    const npm = dirname(dirname(npmProgram.trim()));
    await cp(process.execPath, join(local, "bin", "node"));
    await cp(npm, join(local, "lib", "node_modules", "npm"), { recursive: true });
    execFileSync("tar", ["-cf", `${folder}.tar`, "-C", folder, "."]);
    await podman("import", `${folder}.tar`, names.node);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(`${folder}.tar`, { force: true });
  }
};

/** Starts a container as production would: no rights, nothing to write to. It shares this machine's network. */
export const startContainer = async (
  image: string,
  options: { readonly name: string; readonly env: Readonly<Record<string, string>> },
): Promise<void> => {
  const variables = Object.entries(options.env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  const rights = ["--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"];
  const place = ["--detach", "--name", options.name, "--network", "host"];
  await podman("run", ...place, ...rights, ...variables, image);
};
