// What Sluice thinks of a feature, why, and how much more it has to see for each decision.
import type { Rule, Why } from "../client.gen.ts";
import { formatCount, formatDuration } from "../format.ts";
import { Badge } from "../parts/badge.tsx";
import { Term } from "../parts/term.tsx";
import { Time } from "../parts/time.tsx";
import { SIGNALS, stateOf, withoutState } from "../words.ts";
import { Certainty } from "./certainty.tsx";
import { CohortCheck } from "./cohort-check.tsx";

const Expected = ({ expected }: { expected: Why["rollback"]["expected"] }) =>
  expected === null ? null : (
    <p class="expected">
      {formatCount(expected.more)} more {expected.of} of {SIGNALS[expected.signal].name.toLowerCase()}
      {expected.seconds === null ? "" : `, about ${formatDuration(expected.seconds)} at today's traffic`}.
    </p>
  );

/** `rule`: null where it has none. */
export const Verdict = ({ why, rule }: { why: Why; rule: Rule | null }) => (
  <section class="card verdict" aria-labelledby="verdict">
    <h2 id="verdict" class="visually-hidden">
      Verdict
    </h2>
    <div class="verdict-head">
      <Badge state={stateOf(why)} />
      {why.mode === null ? null : (
        <Term of={why.mode}>{why.mode === "shadow" ? "in shadow" : "enforced"}</Term>
      )}
      {why.checkedAt === null ? null : (
        <small>
          looked at <Time at={why.checkedAt} ago />
        </small>
      )}
    </div>
    <p class="summary">{withoutState(why.summary)}</p>
    <div class="bets">
      <div>
        <h3>A rollback</h3>
        <p>{why.rollback.sentence}</p>
        <Expected expected={why.rollback.expected} />
      </div>
      <div>
        <h3>Keeping it</h3>
        <p>{why.keep.sentence}</p>
        <Expected expected={why.keep.expected} />
      </div>
      <Certainty why={why} rule={rule} />
    </div>
    <CohortCheck ratio={why.sampleRatio} />
    {[...why.missing, ...why.warnings].map((text) => (
      <p key={text} class="notice warn">
        {text}
      </p>
    ))}
  </section>
);
