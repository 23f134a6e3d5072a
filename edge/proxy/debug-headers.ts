// What a developer sees of the gate on a response.
import type { SnapshotView } from "../snapshot/cache.ts";

/** Adds the revision that the request saw, the ms since it was confirmed, and the ms that the gate took. */
export const addDebugHeaders = (
  response: Response,
  { snapshot, ageMs }: SnapshotView,
  gateMs: number,
): Response => {
  response.headers.set("Sluice-Revision", String(snapshot.revision));
  response.headers.set("Sluice-Age", String(Math.round(ageMs)));
  response.headers.append("Server-Timing", `sluice;dur=${gateMs}`);
  return response;
};
