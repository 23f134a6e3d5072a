// The weekly review: what was rolled back, what never decides, what can go, and what nobody uses. Each row leads to what is to be done.
import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { getReview, type Review } from "../client.gen.ts";
import { formatCount, formatDuration, formatRate } from "../format.ts";
import { Copy } from "../parts/copy.tsx";
import { addressOf, dayEnds, dayOf } from "../parts/address.ts";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { withoutState } from "../words.ts";
import "../parts/stacked.css";
import "./review.css";

const DAY_MS = 86_400_000;
const WEEK_DAYS = 7;

/** The seven days that end with `last`; without it those up to now. */
const spanOf = (last: string): { since: string; until: string } | null => {
  const until = dayEnds(last);
  if (until === undefined) return null;
  const begins = new Date(until);
  begins.setDate(begins.getDate() - WEEK_DAYS);
  return { since: begins.toISOString(), until };
};

const moved = (last: string, days: number): string => {
  const at = last === "" ? new Date() : new Date(`${last}T12:00`);
  return dayOf(new Date(at.getTime() + days * DAY_MS));
};

const Owned = ({ featureId, owner }: { featureId: string; owner: string | null }) => (
  <>
    <FeatureLink featureId={featureId} />
    {owner === null ? null : <small>{owner}</small>}
  </>
);

const Section = ({
  id,
  title,
  total,
  shown,
  means,
  children,
}: {
  id: string;
  title: string;
  total: number;
  shown: number;
  means: string;
  children: ComponentChildren;
}) => (
  <section aria-labelledby={id} class="stacked">
    <h2 id={id}>
      {title} <span class="total">{formatCount(total)}</span>
    </h2>
    {total === 0 ? null : <p class="lead">{means}</p>}
    {children}
    {shown < total ? <p class="count">The first {formatCount(shown)} are shown.</p> : null}
  </section>
);

type Zombie = Review["zombies"][number];

const money = (value: number | null, currency: string): string | null =>
  value === null
    ? null
    : value > 0 && value < 0.01
      ? `less than 0.01 ${currency}`
      : `${value.toFixed(2)} ${currency}`;

const Burns = ({ burn, prices }: { burn: Zombie["burn"]; prices: Review["prices"] }) => {
  const { requests, latency, requestCost, latencyCost } = burn;
  const costs = [money(requestCost.value, prices.currency), money(latencyCost.value, prices.currency)];
  return (
    <>
      {requests.value === null
        ? `requests unknown: ${requests.why}`
        : `${formatCount(requests.value)} requests`}
      <small>
        {latency.value === null
          ? `time unknown: ${latency.why}`
          : `${latency.value.meanMs.toFixed(1)} ms slower than the holdout on average`}
      </small>
      <small>
        {costs[0] === null ? `cost unknown: ${requestCost.why}` : `${costs[0]} for requests`}
        {costs[1] === null ? "" : `, ${costs[1]} for its time`}
      </small>
    </>
  );
};

const REMOVABLE = {
  removeAfter: "Its day has come",
  kept: "Kept, and open for everybody",
  openForAll: "Open for everybody for long",
} as const;

const Found = ({ review }: { review: Review }) => {
  const { totals, terms, prices } = review;
  return (
    <>
      <p class="review-span">
        <Time at={review.since} /> to <Time at={review.until} /> · {formatCount(review.openFeatures)}{" "}
        {review.openFeatures === 1 ? "feature is" : "features are"} open.
      </p>
      <Section
        id="rolled-back"
        title="Rolled back"
        total={totals.rolledBack}
        shown={review.rolledBack.length}
        means="They are off for everybody. Find out why, mend it and open it again, or take it out of the code."
      >
        <Rows
          rows={review.rolledBack}
          keyOf={({ featureId, revision }) => `${featureId} ${revision}`}
          empty="Nothing was rolled back."
          columns={[
            { name: "Feature", cell: (one) => <Owned {...one} /> },
            {
              name: "When",
              cell: ({ at, revision, actor }) => (
                <>
                  <a href={`/rollbacks/${revision}`}>
                    <Time at={at} />
                  </a>
                  <small>by {actor}</small>
                </>
              ),
            },
            { name: "Why", cell: ({ reason }) => withoutState(reason) },
            { name: "Now", cell: ({ isOpenAgain }) => (isOpenAgain ? "open again" : "closed") },
          ]}
        />
      </Section>
      <Section
        id="undecided"
        title="Without a decision"
        total={totals.undecided}
        shown={review.undecided.length}
        means={`Open for more than ${terms.undecidedDays} days, and not decided. Widen the rollout, change the rule, or close it.`}
      >
        <Rows
          rows={review.undecided}
          keyOf={({ featureId }) => featureId}
          empty="Every feature decides in time."
          columns={[
            { name: "Feature", cell: (one) => <Owned {...one} /> },
            { name: "Open for", cell: ({ openDays }) => `${formatCount(openDays)} days` },
            {
              name: "Why",
              cell: ({ why, missing }) => (
                <>
                  {withoutState(why)}
                  {missing.map((each) => (
                    <small key={each}>{each}</small>
                  ))}
                </>
              ),
            },
            {
              name: "Expected",
              cell: ({ expectedSeconds }) =>
                expectedSeconds === null ? "no decision in sight" : `in ${formatDuration(expectedSeconds)}`,
            },
          ]}
        />
      </Section>
      <Section
        id="removable"
        title="Removable"
        total={totals.removable}
        shown={review.removable.length}
        means="Their code can lose the gate: make it what everybody gets, then delete the feature."
      >
        <Rows
          rows={review.removable}
          keyOf={({ featureId }) => featureId}
          empty="Nothing can be removed yet."
          columns={[
            { name: "Feature", cell: (one) => <Owned {...one} /> },
            { name: "Why it can go", cell: ({ cause }) => REMOVABLE[cause] },
            { name: "Since", cell: ({ why }) => why },
          ]}
        />
      </Section>
      <Section
        id="zombies"
        title="Zombies"
        total={totals.zombies}
        shown={review.zombies.length}
        means={`Open for more than ${terms.openDays} days, and fewer than ${formatRate(terms.engagementBelow)} of at least ${formatCount(terms.minUnits)} people engage. Each costs what it burns: close it, or make it worth it.`}
      >
        <Rows
          rows={review.zombies}
          keyOf={({ featureId }) => featureId}
          empty="Every feature that can be judged is used."
          columns={[
            { name: "Feature", cell: (one) => <Owned {...one} /> },
            { name: "Open for", cell: ({ openDays }) => `${formatCount(openDays)} days` },
            {
              name: "Engagement",
              cell: ({ engagement }) => (
                <>
                  {formatRate(engagement.rate)} {engagement.by === "activation" ? "act" : "come back"}
                  <small>
                    of {formatCount(engagement.units)} people, at most {formatRate(engagement.atMost)}
                  </small>
                </>
              ),
            },
            { name: "Burns", cell: ({ burn }) => <Burns burn={burn} prices={prices} /> },
          ]}
        />
      </Section>
      <Section
        id="quiet"
        title="Too few people to tell"
        total={totals.quiet}
        shown={review.quiet.length}
        means="Open for long, and hardly anybody meets them. Widen their rollout or routes, or close them."
      >
        <Rows
          rows={review.quiet}
          keyOf={({ featureId }) => featureId}
          empty="Every feature meets enough people."
          columns={[
            { name: "Feature", cell: (one) => <Owned {...one} /> },
            { name: "Open for", cell: ({ openDays }) => `${formatCount(openDays)} days` },
            { name: "People", cell: ({ units }) => formatCount(units) },
            { name: "Why", cell: ({ why }) => why },
          ]}
        />
      </Section>
    </>
  );
};

export default () => {
  const { query, route } = useLocation();
  const last = query["until"] ?? "";
  const span = spanOf(last);
  const review = useResource(`review ${last}`, () => getReview(span ?? {}), { everyMs: 60_000 });
  const go = (until: string): void => route(addressOf("/review", { until }));
  const today = dayOf(new Date());
  const isNow = last === "" || last >= today;
  const markdown = async (): Promise<string> => {
    const asked = addressOf("/admin/v1/review", { ...span });
    const answer = await fetch(asked, { headers: { accept: "text/plain" } });
    if (!answer.ok) throw new Error(`the review answered ${answer.status}`);
    return answer.text();
  };
  return (
    <Page
      title="Review"
      lead="What seven days brought, and what to do about it. Ten minutes a week keep features from piling up."
      actions={
        <>
          <Copy text={markdown} name="Copy as Markdown" />
          <button type="button" onClick={() => print()}>
            Print
          </button>
        </>
      }
    >
      <form class="filters review-weeks" onSubmit={(event) => event.preventDefault()}>
        <button type="button" onClick={() => go(moved(last, -WEEK_DAYS))}>
          ← Week before
        </button>
        <label>
          Seven days up to
          <input
            type="date"
            max={today}
            value={last === "" ? today : last}
            onChange={(event) => go(event.currentTarget.value)}
          />
        </label>
        <button type="button" disabled={isNow} onClick={() => go(moved(last, WEEK_DAYS))}>
          Week after →
        </button>
        {isNow ? null : (
          <button type="button" onClick={() => go("")}>
            Up to now
          </button>
        )}
      </form>
      <Loaded from={review}>{(found) => <Found review={found} />}</Loaded>
    </Page>
  );
};
