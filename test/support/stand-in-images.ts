// Images of the programs that compose.yaml starts beside the origin, made from this machine's own: Debian's Redis, Prometheus and
// Alertmanager, and the embedded PostgreSQL 17. Each takes the command, the variables and the user that the official one takes.
import { execFileSync } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nativeFolder } from "../../origin/db/embedded-postgres.ts";
import { programPath, type Program } from "../../scripts/system-programs.ts";
import { podman } from "./images.ts";

/** What the official image's entry point does with these variables: the database at the first start, then the server. */
const POSTGRES_ENTRY = `#!/bin/sh
set -eu
data=/var/lib/postgresql/data
if ! [ -s $data/PG_VERSION ]; then
  initdb --pgdata=$data --username=$POSTGRES_USER --pwfile=$POSTGRES_PASSWORD_FILE --auth=scram-sha-256 \\
    --no-locale --encoding=UTF8
  echo "create database $POSTGRES_DB" | postgres --single -D $data postgres
  echo "host all all all scram-sha-256" >>$data/pg_hba.conf
fi
exec postgres -D $data -c listen_addresses='*' -c unix_socket_directories=/run/postgresql
`;

/** A library, as ldd names it: `libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x…)`. */
const LIBRARY = /(?:=> )?(\/\S+) \(0x/g;

type Root = {
  readonly folder: string;
  /** Puts a program of this machine, with its libraries, to `target`. */
  readonly putProgram: (file: string, target: string) => Promise<void>;
  /** Puts what a program needs of this machine's libraries to where they are here. */
  readonly putLibraries: (file: string) => Promise<void>;
  /** A folder that the user owns. */
  readonly own: (path: string, user: number) => Promise<void>;
};

const withRoot = async (name: string, fill: (root: Root) => Promise<readonly string[]>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-stand-in-"));
  const put = async (file: string, target: string): Promise<void> => {
    await mkdir(dirname(join(folder, target)), { recursive: true });
    await cp(await realpath(file), join(folder, target));
  };
  try {
    for (const empty of ["dev", "etc", "proc", "run", "sys", "tmp"]) await mkdir(join(folder, empty));
    const putLibraries = async (file: string): Promise<void> => {
      const libraries = execFileSync("ldd", [file], { encoding: "utf8" }).matchAll(LIBRARY);
      for (const [, library = ""] of libraries) if (library.startsWith("/lib")) await put(library, library);
    };
    const changes = await fill({
      folder,
      putLibraries,
      putProgram: async (file, target) => {
        await put(file, target);
        await putLibraries(file);
      },
      own: async (path, user) => {
        await mkdir(join(folder, path), { recursive: true });
        execFileSync("chown", [`${user}:${user}`, join(folder, path)]);
        await chmod(join(folder, path), 0o700);
      },
    });
    execFileSync("tar", ["-cf", `${folder}.tar`, "-C", folder, "."]);
    await podman("import", ...changes.flatMap((change) => ["--change", change]), `${folder}.tar`, name);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(`${folder}.tar`, { force: true });
  }
};

const path = (program: Program): string => programPath(program, "npm test");

const makePostgres = (name: string): Promise<void> =>
  withRoot(name, async ({ folder, putProgram, putLibraries, own }) => {
    await cp(nativeFolder(), join(folder, "opt", "postgresql"), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !source.endsWith(".a"),
    });
    await putLibraries(join(nativeFolder(), "bin", "postgres"));
    // initdb runs its server by a shell, and asks who it is itself.
    await putProgram("/bin/sh", "/bin/sh");
    await writeFile(join(folder, "etc", "passwd"), "postgres:x:999:999::/:/bin/sh\n");
    await writeFile(join(folder, "entry"), POSTGRES_ENTRY, { mode: 0o755 });
    await own("/var/lib/postgresql/data", 999);
    return ["ENV PATH=/opt/postgresql/bin:/bin", 'ENTRYPOINT ["/entry"]'];
  });

const makeRedis = (name: string): Promise<void> =>
  withRoot(name, async ({ putProgram }) => {
    await putProgram(path("redis-server"), "/usr/bin/redis-server");
    return ["ENV PATH=/usr/bin"];
  });

/** Debian's own folder of what both programs read. */
const SHARED = "/usr/share/prometheus";

const makeWatcher = (name: string, program: Program, data: string): Promise<void> =>
  withRoot(name, async ({ folder, putProgram, own }) => {
    await putProgram(path(program), "/bin/watcher");
    await cp(SHARED, join(folder, SHARED), { recursive: true, dereference: true });
    await own(data, 65_534);
    return ['ENTRYPOINT ["/bin/watcher"]'];
  });

/** By the variables of compose.yaml; each name begins with `prefix`. */
export const makeStandInImages = async (prefix: string): Promise<Record<string, string>> => {
  const images = {
    POSTGRES_IMAGE: `${prefix}-postgres`,
    REDIS_IMAGE: `${prefix}-redis`,
    PROMETHEUS_IMAGE: `${prefix}-prometheus`,
    ALERTMANAGER_IMAGE: `${prefix}-alertmanager`,
  };
  await makePostgres(images.POSTGRES_IMAGE);
  await makeRedis(images.REDIS_IMAGE);
  await makeWatcher(images.PROMETHEUS_IMAGE, "prometheus", "/prometheus");
  await makeWatcher(images.ALERTMANAGER_IMAGE, "prometheus-alertmanager", "/alertmanager");
  return images;
};
