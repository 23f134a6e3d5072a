// Real servers as upstreams, each with the same pages: nginx, Apache with PHP, and Node with the routers that people use.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, request as httpRequest, type Agent } from "node:http";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { freePort } from "../../origin/db/free-port.ts";
import { programPath } from "../../scripts/system-programs.ts";
import { listenOnLoopback } from "./listen.ts";

export type Upstream = { readonly url: string; readonly stop: () => Promise<void> };

/** Paths of pages. Each shows `PAGE` and its path. */
export const PAGES = ["/beta", "/shop/delta", "/gamma"] as const;

/** The status and body for a path exactly as it is spelled. */
export const askRaw = (url: string, path: string, agent: Agent): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const sent = httpRequest({ hostname, port, path, agent, headers: { Host: "shop.test" } }, (response) => {
      let body = "";
      response.setEncoding("latin1").on("data", (part: string) => (body += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on("error", reject).end();
  });

export const makeFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-upstream-"));
  await chmod(folder, 0o755); // servers read it as another user
  await mkdir(join(folder, "site", "shop"), { recursive: true });
  await writeFile(join(folder, "site", "beta"), "PAGE /beta");
  await writeFile(join(folder, "site", "shop", "delta"), "PAGE /shop/delta");
  return folder;
};

const startServer = async (
  folder: string,
  url: string,
  child: ChildProcess,
  ready = "/",
): Promise<Upstream> => {
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended at its start: ${said}`);
    if (
      await fetch(url + ready).then(
        (response) => response.text(),
        () => null,
      )
    )
      break;
    await sleep(20);
  }
  return {
    url,
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const serveNginx = async (
  folder: string,
  port: number,
  { http = "", server }: { http?: string; server: string },
): Promise<Upstream> => {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const config = `
    daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr crit;
    events {}
    http {
      access_log off; ${temporary.join(" ")} ${http}
      server { listen 127.0.0.1:${port}; ${server} }
    }`;
  await writeFile(join(folder, "nginx.conf"), config);
  const program = programPath("nginx", "This test");
  const child = spawn(program, ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return startServer(folder, `http://127.0.0.1:${port}`, child);
};

/** Varnish before the edge, with its own rules and after `vcl`. Its lifetime where nobody says one is two minutes. */
export const startVarnishInFront = async (target: string, vcl: string): Promise<Upstream> => {
  const folder = await makeFolder();
  const port = await freePort();
  const { hostname, port: targetPort } = new URL(target);
  const rules = `vcl 4.1;
    backend default { .host = "${hostname}"; .port = "${targetPort}"; }
    ${vcl}
    sub vcl_deliver { set resp.http.X-Cache = obj.hits; }`;
  await writeFile(join(folder, "rules.vcl"), rules);
  const args = ["-F", "-n", join(folder, "work"), "-f", join(folder, "rules.vcl"), "-s", "malloc,16m"];
  const child = spawn(programPath("varnishd", "This test"), [...args, "-a", `127.0.0.1:${port}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return startServer(folder, `http://127.0.0.1:${port}`, child, "/.sluice/health");
};

export const startNginx = async (): Promise<Upstream> => {
  const folder = await makeFolder();
  return serveNginx(folder, await freePort(), {
    server: `root ${folder}/site;
      location = / { return 200 "home"; }
      location = /gamma { return 200 "PAGE /gamma"; }`,
  });
};

/** nginx as the proxy before the edge. `caches`: it keeps what it may, for a minute where nobody says for how long. */
export const startNginxInFront = async (
  target: string,
  { caches }: { caches: boolean },
): Promise<Upstream> => {
  const folder = await makeFolder();
  const caching = `proxy_cache kept; proxy_cache_valid any 1m; add_header X-Cache $upstream_cache_status always;`;
  return serveNginx(folder, await freePort(), {
    http: caches ? `proxy_cache_path ${folder}/kept keys_zone=kept:1m;` : "",
    server: `location / { proxy_pass ${target}; proxy_set_header Host $http_host; ${caches ? caching : ""} }`,
  });
};

/** As WordPress reads a path: decoded, without slashes around it, whatever its case. */
const FRONT_CONTROLLER = `<?php
$path = strtolower(trim(rawurldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) ?? ''), '/'));
echo $path === 'gamma' ? 'PAGE /gamma' : 'home';
if (isset($_GET['server'])) foreach ($_SERVER as $name => $value) if (is_string($value)) echo "\\n$name=$value";
`;

const MODULES = "/usr/lib/apache2/modules";

/** Apache with PHP for the files in `site`. `more`: of its configuration. `ready`: a path that answers once it runs. */
export const serveApache = async (
  folder: string,
  { site, more, ready = "/" }: { site: string; more: string; ready?: string },
): Promise<Upstream> => {
  const port = await freePort();
  const program = programPath("apache2", "This test");
  const php = (await readdir(MODULES)).find((name) => /^libphp[\d.]*\.so$/.test(name));
  if (php === undefined)
    throw new Error("This test needs libapache2-mod-php. On Debian or Ubuntu: apt-get install it");
  const modules = {
    mpm_prefork: "mod_mpm_prefork.so",
    authz_core: "mod_authz_core.so",
    dir: "mod_dir.so",
    mime: "mod_mime.so",
    php,
  };
  const config = `
    ServerName shop.test
    Listen 127.0.0.1:${port}
    PidFile ${folder}/pid
    ErrorLog ${folder}/error.log
    LogLevel crit
    TypesConfig /etc/mime.types
    ${process.getuid?.() === 0 ? "User www-data\nGroup www-data" : ""}
    StartServers 1
    MaxRequestWorkers 4
    DocumentRoot ${site}
    DirectoryIndex index.php index.html
    ${more}
    <Directory ${site}>
      Require all granted
    </Directory>
    <FilesMatch "\\.php$">
      SetHandler application/x-httpd-php
    </FilesMatch>`;
  const loads = Object.entries(modules).map(([name, file]) => `LoadModule ${name}_module ${MODULES}/${file}`);
  await writeFile(join(folder, "apache.conf"), `${loads.join("\n")}\n${config}`);
  const child = spawn(program, ["-d", folder, "-f", join(folder, "apache.conf"), "-D", "FOREGROUND"], {
    // When it ends it ends its whole process group.
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  return startServer(folder, `http://127.0.0.1:${port}`, child, ready);
};

export const startApache = async (): Promise<Upstream> => {
  const folder = await makeFolder();
  const site = join(folder, "site");
  await writeFile(join(site, "index.php"), FRONT_CONTROLLER);
  return serveApache(folder, { site, more: "AllowEncodedSlashes On\n    FallbackResource /index.php" });
};

/** As servlet containers read a path: without parameters, then decoded, then without dots, whatever its case. */
const readAsServlet = (path: string): string => {
  try {
    const decoded = decodeURIComponent(path.replace(/;[^/]*/g, "")).replaceAll("\\", "/");
    return posix.normalize(decoded).replace(/\/$/, "").toLowerCase();
  } catch {
    return "";
  }
};

/** Hono where the port is asked as usual, and a reader of paths like a servlet container's under the same pages. */
export const startNode = async (): Promise<Upstream> => {
  const app = new Hono({ strict: false });
  for (const page of PAGES) app.get(page, (c) => c.text(`PAGE ${page}`));
  const listen = getRequestListener(app.fetch);
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0] ?? "/";
    const page = PAGES.find((each) => each === readAsServlet(path));
    if (page !== undefined) response.end(`PAGE ${page}`);
    else void listen(request, response);
  });
  const { url } = await listenOnLoopback(server);
  return {
    url,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
