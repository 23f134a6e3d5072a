// Each signal that the rule judges, against its threshold.
import type { Why } from "../client.gen.ts";
import { formatCount, formatEvidence, formatRate } from "../format.ts";
import { Bullet } from "../parts/bullet.tsx";
import { Term } from "../parts/term.tsx";
import { SIGNALS } from "../words.ts";

export const Signals = ({ why }: { why: Why }) => (
  <section aria-labelledby="signals">
    <h2 id="signals">Signals</h2>
    <div class="tiles">
      {why.signals.map((each) => {
        const { name, means, isGoodWhenHigh } = SIGNALS[each.signal];
        const { sinceKept } = each;
        const decisive = sinceKept ?? each.rollback;
        return (
          <article key={each.signal} class="card tile">
            <h3 title={means}>{name}</h3>
            <p class="figure">{formatRate(each.rate)}</p>
            <Bullet {...each} />
            <dl>
              <dt>
                {each.against === "holdout" ? (
                  <Term of="holdout">holdout</Term>
                ) : isGoodWhenHigh ? (
                  "at least"
                ) : (
                  "at most"
                )}
              </dt>
              <dd>
                {each.against === "holdout" && each.holdout !== null && each.holdout.n > 0
                  ? formatRate(each.holdout.s / each.holdout.n)
                  : formatRate(each.threshold)}
              </dd>
              <dt>
                <Term of="treatment">counted</Term>
              </dt>
              <dd>
                {formatCount(each.treatment.s)} of {formatCount(each.treatment.n)}
              </dd>
            </dl>
            {sinceKept === null ? null : (
              <p class="bar">
                Since it was kept {formatCount(sinceKept.treatment.s)} of {formatCount(sinceKept.treatment.n)}
                .
              </p>
            )}
            <p class="bar">
              <Term of="evidence">Evidence</Term> for a rollback {formatEvidence(decisive.logEvidence)},{" "}
              <Term of="bar">needed</Term> {formatEvidence(decisive.logBar)}
            </p>
            <progress max={1} value={decisive.progress} aria-label={`${name}: way to a rollback`} />
          </article>
        );
      })}
    </div>
  </section>
);
