// `GET /.sluice/health`: what this isolate knows, and what it counted since it began.
import { Hono } from "hono";
import { version } from "../../package.json";
import { addDebugHeaders } from "../proxy/debug-headers.ts";
import type { CacheStats, SnapshotCache } from "../snapshot/cache.ts";
import type { KeptPagesStats } from "../proxy/kept/kept-pages.ts";
import type { ExporterStats } from "../telemetry/exporter.ts";
import type { CaptchaStats } from "./captcha.ts";
import { waitUntilOf } from "./wait-until.ts";

export type Stats = CacheStats & {
  /** Where the isolate's replica is: telemetry names it as `cloud.region`. */
  readonly region: string;
  readonly telemetry: ExporterStats;
  /** Errors of the gate, of the upstream and of responses. */
  readonly failures: number;
  /** Absent: no page is kept. */
  readonly keptPages?: KeptPagesStats;
  readonly captcha?: CaptchaStats;
};

type Dependencies = {
  readonly cache: Pick<SnapshotCache, "read">;
  readonly stats: () => Stats;
  /** Debug headers are added to every response. */
  readonly debugAlways: boolean;
  readonly now: () => number;
};

export const makeHealthRoute = ({ cache, stats, debugAlways, now }: Dependencies): Hono => {
  const route = new Hono();
  route.get("/", async (c) => {
    const beganMs = now();
    const view = await cache.read(waitUntilOf(c));
    const { snapshot, ageMs, source } = view;
    const response = c.json({
      version,
      revision: snapshot.revision,
      ageMs: Math.round(ageMs),
      source,
      features: snapshot.features.length,
      ...stats(),
    });
    const wantsDebug = debugAlways || c.req.header("Sluice-Debug") === "1";
    return wantsDebug ? addDebugHeaders(response, view, now() - beganMs) : response;
  });
  return route;
};
