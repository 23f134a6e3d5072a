// Announces the review once a week. Every process of the role may run it: the announcement's key lets the first one count.
import type { Logger } from "../../runtime/log.ts";
import { startPeriodicTask, type PeriodicTask } from "../../runtime/periodic-task.ts";
import { lastWeeklyTime, type WeeklyTime } from "../../../shared/weekly-time.ts";
import type { EvaluationReads } from "../evaluation-reads.ts";
import { reviewMarkdown } from "./review-markdown.ts";

const EVERY_MS = 60_000;
/** What was missed for longer, because no process ran, is not announced any more. */
const LATE_MS = 86_400_000;
const WEEK_S = 7 * 86_400;

type AnnounceReview = (announcement: {
  readonly event: "review.weekly";
  readonly reason: string;
  readonly markdown: string;
  readonly key: string;
}) => Promise<void>;

const countsText = (totals: Readonly<Record<string, number>>): string =>
  `${totals["rolledBack"]} rolled back, ${totals["undecided"]} without a decision, ${totals["removable"]} removable, ${totals["zombies"]} zombies`;

export const startWeeklyReview = (options: {
  at: WeeklyTime;
  review: EvaluationReads["review"];
  announce: AnnounceReview;
  isAnnounced: (key: string) => Promise<boolean>;
  nowMs: () => number;
  log: Pick<Logger, "info" | "error">;
  everyMs?: number;
}): PeriodicTask => {
  const { at, review, announce, isAnnounced, nowMs, log } = options;
  let handled = 0;
  const run = async (): Promise<void> => {
    const due = lastWeeklyTime(at, nowMs());
    if (due === handled || nowMs() - due > LATE_MS) return;
    const key = `review.weekly ${new Date(due).toISOString()}`;
    if (!(await isAnnounced(key))) {
      const until = due / 1_000;
      const found = await review({ since: until - WEEK_S, until });
      const isEmpty = found.openFeatures === 0 && Object.values(found.totals).every((total) => total === 0);
      if (!isEmpty) {
        const reason = countsText(found.totals);
        await announce({ event: "review.weekly", reason, markdown: reviewMarkdown(found), key });
        log.info({ until: found.until }, `the weekly review is announced: ${reason}`);
      }
    }
    handled = due;
  };
  return startPeriodicTask({
    everyMs: options.everyMs ?? EVERY_MS,
    run,
    onError: (error) =>
      log.error({ err: error }, "the weekly review could not be announced; it is tried again in a minute"),
  });
};
