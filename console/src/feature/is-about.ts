import type { Live } from "../live.ts";

/** Whether something that happened is about this feature. */
export const isAbout =
  (featureId: string) =>
  (event: Live): boolean => {
    switch (event.kind) {
      case "change":
        return event.change.featureId === featureId;
      case "evaluation":
        return event.evaluation.featureId === featureId;
      case "edge":
      case "operator":
        return false;
    }
  };
