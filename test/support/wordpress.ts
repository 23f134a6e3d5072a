// WordPress of Debian on Apache and MariaDB, set up as docs/before-a-site.md says, in a folder that goes away with it.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { programPath } from "../../scripts/system-programs.ts";
import { makeFolder, serveApache, type Upstream } from "./upstreams.ts";

const asUser = (name: string): string[] => (process.getuid?.() === 0 ? [`--user=${name}`] : []);

/** MariaDB on a socket in `folder`, with an empty database `wp`. */
const startMariadb = async (folder: string): Promise<{ socket: string; stop: () => Promise<void> }> => {
  const program = programPath("mariadbd", "This test");
  const data = join(folder, "data");
  const socket = join(folder, "socket");
  await chmod(folder, 0o777); // it makes its socket there as a user of its own
  const own = ["--no-defaults", ...asUser("mysql"), `--datadir=${data}`];
  execFileSync("mariadb-install-db", [...own, "--auth-root-authentication-method=normal"], { stdio: "pipe" });
  const child = spawn(program, [...own, `--socket=${socket}`, "--skip-networking"], { stdio: "ignore" });
  const sql =
    "create database wp; create user wp@localhost identified by 'wp'; grant all on wp.* to wp@localhost";
  for (;;) {
    if (child.exitCode !== null) throw new Error(`mariadbd ended with ${child.exitCode}`);
    try {
      execFileSync("mariadb", ["--no-defaults", "-uroot", `--socket=${socket}`, "-e", sql], {
        stdio: "pipe",
      });
      break;
    } catch {
      await sleep(100); // it does not listen yet
    }
  }
  return {
    socket,
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
};

/** The lines for `wp-config.php` that the page tells its readers, with this site's name. */
const documentedLines = async (home: string): Promise<string> => {
  const page = await readFile(fileURLToPath(new URL("../../docs/before-a-site.md", import.meta.url)), "utf8");
  const section = page.slice(page.indexOf("## WordPress"), page.indexOf("## Next.js"));
  const blocks = [...section.matchAll(/^```php\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  return blocks.slice(0, 2).join("\n").replaceAll("https://shop.example", home);
};

const PLUGIN = `<?php
add_filter('pre_option_permalink_structure', fn () => '/%postname%/');
add_filter('the_content', fn ($content) => $content . '<p>told: ' . ($_SERVER['HTTP_SLUICE_FEATURES'] ?? 'nothing') . '</p>');
`;

/** What page caches do: the page of this host and address, from a file, before WordPress runs. */
const PAGE_CACHE = `<?php
$file = __DIR__ . '/cache/' . md5($_SERVER['HTTP_HOST'] . $_SERVER['REQUEST_URI']);
if ($_SERVER['REQUEST_METHOD'] === 'GET') {
  if (is_file($file)) { header('X-Page-Cache: hit'); readfile($file); exit; }
  ob_start(function ($page) use ($file) {
    if (http_response_code() === 200) file_put_contents($file, $page);
    return $page;
  });
}
`;

const configOf = (socket: string, lines: string): string => `<?php
define('DB_NAME', 'wp'); define('DB_USER', 'wp'); define('DB_PASSWORD', 'wp'); define('DB_CHARSET', 'utf8mb4');
define('DB_HOST', 'localhost:${socket}');
define('AUTH_KEY', 'of-the-tests'); define('AUTOMATIC_UPDATER_DISABLED', true); define('WP_HTTP_BLOCK_EXTERNAL', true);
$table_prefix = 'wp_';
${lines}
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
`;

/** `home`: the site's public address. It is not installed yet: that is done through the gate. */
export const startWordPress = async (home: string): Promise<Upstream> => {
  const folder = await makeFolder();
  const database = await startMariadb(await makeFolder());
  const site = join(folder, "wordpress");
  await cp("/usr/share/wordpress", site, { recursive: true, dereference: true });
  const content = join(site, "wp-content");
  await mkdir(join(content, "mu-plugins"), { recursive: true });
  await mkdir(join(content, "cache"));
  await chmod(join(content, "cache"), 0o777);
  await writeFile(join(site, "wp-config.php"), configOf(database.socket, await documentedLines(home)));
  await writeFile(join(content, "mu-plugins", "told.php"), PLUGIN);
  await writeFile(join(content, "advanced-cache.php"), PAGE_CACHE);
  const more = "FallbackResource /index.php";
  const apache = await serveApache(folder, { site, more, ready: "/readme.html" });
  return {
    url: apache.url,
    stop: async () => {
      await apache.stop();
      await database.stop();
    },
  };
};
