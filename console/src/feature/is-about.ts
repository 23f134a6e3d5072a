import type { Live } from "../live.ts";

/** Whether something that happened is about this feature. */
export const isAbout =
  (featureId: string) =>
  (event: Live): boolean =>
    event.kind === "change" ? event.change.featureId === featureId : event.evaluation.featureId === featureId;
