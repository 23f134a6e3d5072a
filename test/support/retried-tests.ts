// The tests that CI tries once more when they fail, each with the reason why a busy machine can fail it while the code
// is right. Every other test has one try. Each retry is printed at the end of a run (report-retries.ts).

export type RetriedTest = {
  readonly file: string;
  /** With the titles of the suites around it, separated by " > ". */
  readonly title: string;
  readonly reason: string;
};

export const retriedTests: readonly RetriedTest[] = [
  {
    file: "test/origin/delivery/redis-bus.test.ts",
    title: "on a cluster of six > events and states still arrive after a master died",
    reason:
      "six Redis nodes: one that gets no CPU for 1.5 s is taken for dead by the others, and its messages are lost",
  },
];
