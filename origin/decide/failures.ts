// Whether a test speaks against the feature: by its evidence before KEEP, by its alarm after it. Evidence alone is not enough: the
// counts that people read beside it have to say the same.
import type { LogEvidence, TestReport } from "./decision.ts";
import { rateOf, type Tally } from "./statistics/tally.ts";

type Counts = { readonly treatment: Tally; readonly holdout: Tally | null };

const reaches = ({ logEvidence, logBar }: LogEvidence): boolean => logEvidence >= logBar;

/** Whether treatment's rate is on the bad side of what it is held against. */
const isWorse = (
  { signal, against, threshold }: Pick<TestReport, "signal" | "against" | "threshold">,
  { treatment, holdout }: Counts,
): boolean => {
  const rate = rateOf(treatment);
  const beside = holdout === null ? null : rateOf(holdout);
  if (rate === null) return false;
  const isOfRequests = signal === "latency" || signal === "errorRate";
  const isWorseThan = (other: number) => (isOfRequests ? rate > other : rate < other);
  switch (against) {
    case "threshold":
      return isWorseThan(threshold);
    case "holdout":
      return beside !== null && isWorseThan(beside);
    case "both":
      return isWorseThan(threshold) && beside !== null && isWorseThan(beside);
  }
};

/** Before KEEP. */
export const hasFailed = (test: TestReport): boolean =>
  test.counts &&
  reaches(test) &&
  (test.comparison === null || reaches(test.comparison)) &&
  isWorse(test, test);

type Alarmed = TestReport & { readonly alarm: NonNullable<TestReport["alarm"]> };

/** Whether the signal has fallen below its threshold since the feature was kept, whatever became of the holdout. */
export const hasFallen = (test: TestReport): test is Alarmed =>
  test.counts &&
  test.alarm !== null &&
  reaches(test.alarm) &&
  isWorse({ ...test, against: test.against === "both" ? "threshold" : test.against }, test.alarm);

/** After KEEP. */
export const hasAlarmed = (test: TestReport): test is Alarmed =>
  hasFallen(test) &&
  (test.alarm.comparison === null || reaches(test.alarm.comparison)) &&
  isWorse(test, test.alarm);
