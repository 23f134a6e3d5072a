// Where the feature's newest change has arrived: the edges turn one by one, each with its milliseconds from the commit.
import { useRef } from "preact/hooks";
import { getDelivery, type FeatureDelivery } from "../client.gen.ts";
import { formatClock, formatMs, formatUtc } from "../format.ts";
import type { Live } from "../live.ts";
import { Loaded } from "../parts/page.tsx";
import { Term } from "../parts/term.tsx";
import { nowMs } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { ACTIONS } from "./change-name.ts";
import { isAbout } from "./is-about.ts";
import "./edges-section.css";

type Edge = FeatureDelivery["edges"][number];

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);

const hasIt = ({ state }: Edge): boolean => state !== "waiting";

/** Those that have it in the order in which they got it, then those that wait. */
const inOrder = (edges: readonly Edge[]): Edge[] =>
  edges.toSorted((a, b) => (a.afterMs ?? Infinity) - (b.afterMs ?? Infinity) || a.edge.localeCompare(b.edge));

const since = (iso: string): string => formatMs(Math.max(0, nowMs.value - Date.parse(iso)));

const Missing = ({ edge, at }: { edge: Edge; at: string }) =>
  edge.failingSince === null ? (
    <span class="when">waiting for {since(at)}</span>
  ) : (
    <span class="when bad">not reached for {since(edge.failingSince)}</span>
  );

const Row = ({ edge, at, slowestMs }: { edge: Edge; at: string; slowestMs: number }) => {
  const badge = hasIt(edge) ? "good" : edge.failingSince === null ? "warn" : "bad";
  const words = { good: "✓ has it", warn: "… on its way", bad: "! not reached" }[badge];
  const share = edge.afterMs === null ? 100 : Math.max(2, (100 * edge.afterMs) / slowestMs);
  return (
    <li class={badge}>
      <span class={`badge ${badge}`}>{words}</span>
      <strong title={edge.edge}>{hostOf(edge.edge)}</strong>
      <span class="track" aria-hidden="true">
        <i class={badge} style={{ width: `${share}%` }} />
      </span>
      {hasIt(edge) ? (
        <span class="when">{edge.afterMs === null ? "" : formatMs(edge.afterMs)}</span>
      ) : (
        <Missing edge={edge} at={at} />
      )}
      <small class="regions">
        {edge.regions.map(({ region, afterMs, joinedLater }) => (
          <span key={region}>
            {region} {joinedLater ? "joined later" : afterMs === null ? "waits" : formatMs(afterMs)}
          </span>
        ))}
        {edge.state === "closed" ? <span>closed there ahead of the rest of the change</span> : null}
        {edge.lastError === null || hasIt(edge) ? null : (
          <span class="error">
            {edge.lastError}, tried {edge.attempts} {edge.attempts === 1 ? "time" : "times"}
          </span>
        )}
      </small>
    </li>
  );
};

/** One line for those who only want to know whether it is everywhere; a screen reader hears it change. */
const Headline = ({ delivery: { edges, everywhereAfterMs } }: { delivery: FeatureDelivery }) => {
  const missing = edges.filter((edge) => !hasIt(edge));
  const isAll = missing.length === 0;
  return (
    <p class="headline" role="status">
      {isAll ? (
        <strong class="everywhere">
          Everywhere{everywhereAfterMs === null ? "" : ` after ${formatMs(everywhereAfterMs)}`}
        </strong>
      ) : (
        <strong>
          {edges.length - missing.length} of {edges.length} edges have it. Not confirmed yet:{" "}
          {missing.map(({ edge }) => hostOf(edge)).join(", ")}
        </strong>
      )}
    </p>
  );
};

const Arrival = ({ delivery }: { delivery: FeatureDelivery }) => {
  const { action, actor, at, revision, edges } = delivery;
  const slowestMs = Math.max(1, ...edges.map(({ afterMs }) => afterMs ?? 0));
  return (
    <div class="card delivery">
      {edges.length === 0 ? null : <Headline delivery={delivery} />}
      <p class="commit">
        {ACTIONS[action] ?? action} by {actor}, committed{" "}
        <time dateTime={at} title={formatUtc(at)}>
          {formatClock(at)}
        </time>
        , <Term of="revision">revision</Term> {revision}
      </p>
      {edges.length === 0 ? (
        <p class="empty">No edge is configured (EDGE_URLS).</p>
      ) : (
        <ol>
          {inOrder(edges).map((edge) => (
            <Row key={edge.edge} edge={edge} at={at} slowestMs={slowestMs} />
          ))}
        </ol>
      )}
    </div>
  );
};

export const EdgesSection = ({ featureId }: { featureId: string }) => {
  const isComplete = useRef(false);
  const isOwnChange = isAbout(featureId);
  const delivery = useResource(`delivery ${featureId}`, () => getDelivery(featureId), {
    changes: (event: Live) => {
      if (event.kind === "edge") return !isComplete.current;
      const isNew = event.kind === "change" && isOwnChange(event);
      if (isNew) isComplete.current = false;
      return isNew;
    },
  });
  isComplete.current = delivery.data?.edges.every(hasIt) ?? false;
  return (
    <section aria-labelledby="edges">
      <h2 id="edges">Where it has arrived</h2>
      <Loaded from={delivery}>{(known) => <Arrival delivery={known} />}</Loaded>
    </section>
  );
};
