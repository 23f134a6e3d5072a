// The console: files that were built before, served from this origin. Every page of it is the same document, whose script
// asks the admin API; without a session the API tells nothing.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono, type Context, type MiddlewareHandler } from "hono";
import { compress } from "hono/compress";
import { CONSOLE_PAGES } from "../../shared/console-pages.ts";
import { problem } from "./problem.ts";

/** Addresses of pages, as the routes here write them; what is below a feature is the console's too. */
const PATHS = CONSOLE_PAGES.map(({ path }) => path.replace(/:.*$/, "*"));

/** Scripts, styles and requests of this origin alone. Charts may be saved as files (`data:`). */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Files are named by their content. */
const FOR_EVER = "public, max-age=31536000, immutable";

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT";

/** Made once the folder is there: without one the library writes a line of its own between those of the log. */
const filesOf = (dir: string, options: Parameters<typeof serveStatic>[0] = {}): MiddlewareHandler => {
  let serve: MiddlewareHandler | undefined;
  return async (context, next) => {
    if (serve === undefined && !existsSync(dir)) return next();
    serve ??= serveStatic({ ...options, root: dir });
    return serve(context, next);
  };
};

/** `dir`: where the console was built into. */
export const makeConsolePages = (dir: string): Hono => {
  const app = new Hono();
  app.use("/assets/*", compress());
  app.use("/assets/*", filesOf(dir, { onFound: (_, context) => context.header("cache-control", FOR_EVER) }));
  app.get("/icon.svg", filesOf(dir));

  const page = async (context: Context): Promise<Response> => {
    try {
      const document = await readFile(join(dir, "index.html"), "utf8");
      context.header("content-security-policy", POLICY);
      context.header("cache-control", "no-cache");
      return context.html(document);
    } catch (error) {
      if (!isMissing(error)) throw error;
      return problem(context, {
        status: 404,
        title: "Not Found",
        detail: `there is no console in ${dir}: npm run console:build makes it`,
      });
    }
  };
  for (const path of PATHS) app.get(path, page);
  return app;
};
