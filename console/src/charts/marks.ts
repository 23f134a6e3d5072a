// What happened while the charts were drawn: changes of the feature, steps of its ramp, and deploys.
import type { Annotation, AuditEntry } from "../client.gen.ts";
import { changeName } from "../feature/change-name.ts";

export type Mark = {
  readonly at: string;
  readonly title: string;
  readonly by: string;
  readonly link: string | null;
};

/** In the order of time. `actor` of a step of the ramp is Sluice itself. */
export const marksOf = (entries: readonly AuditEntry[], annotations: readonly Annotation[]): Mark[] =>
  [
    ...entries.map((entry) => ({
      at: entry.at,
      title:
        entry.action === "rollout" && entry.actor === "sluice"
          ? `${changeName(entry)}: ${entry.reason}`
          : changeName(entry),
      by: entry.actor,
      link: null,
    })),
    ...annotations.map(({ at, title, madeBy, link }) => ({ at, title, by: madeBy, link })),
  ].toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at));
