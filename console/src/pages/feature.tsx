// One feature: what Sluice thinks of it and why, its signals, where the last change has arrived, and what a person may do.
import { lazy, useRoute } from "preact-iso";
import { useState } from "preact/hooks";
import { whyNot } from "../api.ts";
import {
  enableFeature,
  explainVerdict,
  getFeature,
  listEdges,
  listEvaluations,
  rollbackFeature,
  setRollout,
  type Feature,
  type Why,
} from "../client.gen.ts";
import { formatBps, formatCount, formatDuration, formatRate } from "../format.ts";
import type { Live } from "../live.ts";
import { Action } from "../parts/action.tsx";
import { Badge } from "../parts/badge.tsx";
import { Bullet } from "../parts/bullet.tsx";
import { ChangeDialog } from "../parts/dialog.tsx";
import { EdgeList } from "../parts/edge-list.tsx";
import { History } from "../parts/history.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Tester } from "../parts/tester.tsx";
import { Term } from "../parts/term.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { SIGNALS, stateOf, withoutState } from "../words.ts";

const RuleEditor = lazy(() => import("../parts/rule-editor.tsx"));
const EvidenceCharts = lazy(() => import("../charts/evidence-charts.tsx"));

const isAbout =
  (featureId: string) =>
  (event: Live): boolean =>
    event.kind === "change" ? event.change.featureId === featureId : event.evaluation.featureId === featureId;

const Expected = ({ expected }: { expected: Why["rollback"]["expected"] }) =>
  expected === null ? null : (
    <p class="expected">
      {formatCount(expected.more)} more {expected.of} of {SIGNALS[expected.signal].name.toLowerCase()}
      {expected.seconds === null ? "" : `, about ${formatDuration(expected.seconds)} at today's traffic`}.
    </p>
  );

const Verdict = ({ why }: { why: Why }) => (
  <section class="card verdict" aria-label="Verdict">
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
    </div>
    {[...why.missing, ...why.warnings].map((text) => (
      <p key={text} class="notice warn">
        {text}
      </p>
    ))}
  </section>
);

const Signals = ({ why }: { why: Why }) => (
  <section aria-labelledby="signals">
    <h2 id="signals">Signals</h2>
    <div class="tiles">
      {why.signals.map((each) => {
        const { name, means, isGoodWhenHigh } = SIGNALS[each.signal];
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
            <p class="bar">
              <Term of="evidence">Evidence</Term> for a rollback {each.rollback.evidence},{" "}
              <Term of="bar">needed</Term> {each.rollback.needed}
            </p>
            <progress max={1} value={each.rollback.progress} aria-label={`${name}: way to a rollback`} />
          </article>
        );
      })}
    </div>
  </section>
);

type Change = "rollback" | "enable" | "rollout";

const Rollout = ({ feature, close }: { feature: Feature; close: () => void }) => {
  const [bps, setBps] = useState(feature.rolloutBps);
  return (
    <ChangeDialog
      title={`Rollout of ${feature.featureId}`}
      confirm={`Open for ${formatBps(bps)}`}
      close={close}
      change={(reason) =>
        setRollout(feature.featureId, { rolloutBps: bps, reason }, { ifMatch: `"${feature.version}"` })
      }
    >
      <label>
        Visitors in treatment: <output>{formatBps(bps)}</output>
        <input
          type="range"
          min={0}
          max={10_000}
          step={100}
          value={bps}
          onInput={(event) => setBps(event.currentTarget.valueAsNumber)}
        />
      </label>
      <p>
        Now {formatBps(feature.rolloutBps)}.{" "}
        {bps < feature.rolloutBps
          ? "Whoever is lowered out of it loses the feature with the next request, and is left out of the counts."
          : "Visitors who have it keep it."}
      </p>
    </ChangeDialog>
  );
};

const Changing = ({
  change,
  feature,
  why,
  close,
}: {
  change: Change;
  feature: Feature;
  why: Why;
  close: () => void;
}) => {
  const { featureId, version } = feature;
  const ifMatch = `"${version}"`;
  const perDay = why.cohorts.treatment.perDay;
  switch (change) {
    case "rollback":
      return (
        <ChangeDialog
          title={`Close ${featureId}`}
          confirm="Close it now"
          tone="bad"
          close={close}
          change={(reason) => rollbackFeature(featureId, { reason }, { ifMatch })}
        >
          <p>
            Every visitor loses the feature with the first request after the change has reached their edge. It
            was met by {formatCount(why.cohorts.treatment.exposed)} visitors of this trial,{" "}
            {formatCount(perDay)} new ones a day.
          </p>
          {feature.requires.length === 0 ? null : <p>It requires {feature.requires.join(", ")}.</p>}
        </ChangeDialog>
      );
    case "enable":
      return (
        <ChangeDialog
          title={`Open ${featureId}`}
          confirm={`Open for ${formatBps(feature.rolloutBeforeBps ?? feature.rolloutBps)}`}
          close={close}
          change={(reason) => enableFeature(featureId, { reason }, { ifMatch })}
        >
          <p>Its evidence starts from nothing.</p>
          {feature.rollbackReason === null ? null : <p>It was rolled back: {feature.rollbackReason}</p>}
        </ChangeDialog>
      );
    case "rollout":
      return <Rollout feature={feature} close={close} />;
  }
};

const Facts = ({ feature, why }: { feature: Feature; why: Why }) => (
  <dl class="facts">
    <dt>Rollout</dt>
    <dd>
      {formatBps(feature.rolloutBps)}, <Term of="holdout">holdout</Term> {formatBps(feature.holdoutBps ?? 0)}
    </dd>
    <dt>
      <Term of="treatment">In treatment</Term>
    </dt>
    <dd>
      {formatCount(why.cohorts.treatment.exposed)} people, {formatCount(why.cohorts.holdout.exposed)} in the
      holdout
    </dd>
    <dt>Last seen</dt>
    <dd>{why.newestExposureAt === null ? "nobody yet" : <Time at={why.newestExposureAt} ago />}</dd>
    {feature.owner === null ? null : (
      <>
        <dt>Owner</dt>
        <dd>{feature.owner}</dd>
      </>
    )}
    {feature.routes == null ? null : (
      <>
        <dt>Routes</dt>
        <dd>
          {feature.routes.map(({ path }) => (
            <code key={path}>{path} </code>
          ))}
        </dd>
      </>
    )}
    {feature.link === null ? null : (
      <>
        <dt>Link</dt>
        <dd>
          <a href={feature.link} rel="noreferrer">
            {feature.link}
          </a>
        </dd>
      </>
    )}
  </dl>
);

export default () => {
  const { params } = useRoute();
  const featureId = params["featureId"] ?? "";
  const [change, setChange] = useState<Change | null>(null);
  const read = async () => {
    const [feature, why, edges] = await Promise.all([
      getFeature(featureId),
      explainVerdict(featureId),
      listEdges(),
    ]);
    return { feature, why, edges };
  };
  const resource = useResource(featureId, read, { changes: isAbout(featureId), everyMs: 5_000 });
  // Far larger than the rest, and there is a new one only when something has changed.
  const history = useResource(
    `evaluations ${featureId}`,
    async () => (await listEvaluations(featureId, { limit: 500 })).evaluations,
    { changes: isAbout(featureId), everyMs: 300_000 },
  );
  const feature = resource.data?.feature;
  const refusal = whyNot("editor", feature?.tags);
  return (
    <Page
      title={featureId}
      lead={feature?.description ?? undefined}
      actions={
        feature === undefined ? null : feature.enabled ? (
          <>
            <Action name="Change the rollout" refusal={refusal} onClick={() => setChange("rollout")} />
            <Action name="Close" tone="bad" refusal={refusal} onClick={() => setChange("rollback")} />
          </>
        ) : (
          <Action
            name={feature.rolledBackAt === null ? "Open" : "Open again"}
            tone="primary"
            refusal={refusal}
            onClick={() => setChange("enable")}
          />
        )
      }
    >
      <Loaded from={resource}>
        {({ why, edges, ...known }) => (
          <>
            <Verdict why={why} />
            <Facts feature={known.feature} why={why} />
            {why.signals.length === 0 ? null : <Signals why={why} />}
            <section aria-labelledby="over-time">
              <h2 id="over-time">Over time</h2>
              <Loaded from={history}>
                {(evaluations) => (
                  <EvidenceCharts
                    evaluations={evaluations.filter(({ epoch }) => epoch === why.epoch)}
                    signals={why.signals.map(({ signal }) => signal)}
                    first={
                      why.signals.toSorted((one, other) => other.rollback.progress - one.rollback.progress)[0]
                        ?.signal
                    }
                  />
                )}
              </Loaded>
            </section>
            <section aria-labelledby="rule">
              <h2 id="rule">Rule</h2>
              <RuleEditor feature={known.feature} why={why} done={resource.reload} />
            </section>
            <section aria-labelledby="tester">
              <h2 id="tester">Who would get it?</h2>
              <Tester featureId={featureId} />
            </section>
            <section aria-labelledby="edges">
              <h2 id="edges">Where it has arrived</h2>
              <EdgeList edges={edges} revision={known.feature.revision} />
            </section>
            <section aria-labelledby="history">
              <h2 id="history">History</h2>
              <History featureId={featureId} />
            </section>
            {change === null ? null : (
              <Changing
                change={change}
                feature={known.feature}
                why={why}
                close={() => {
                  setChange(null);
                  resource.reload();
                }}
              />
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
};
