// What a developer sees of the gate on a response.
import type { Seen } from "../snapshot/cache.ts";

/** Adds the revision the request saw, the ms since that state was confirmed, and the ms the gate took. */
export const debugged = (response: Response, seen: Seen, gateMs: number): Response => {
  response.headers.set("Sluice-Revision", String(seen.snapshot.revision));
  response.headers.set("Sluice-Age", String(Math.round(seen.ageMs)));
  response.headers.append("Server-Timing", `sluice;dur=${gateMs}`);
  return response;
};
