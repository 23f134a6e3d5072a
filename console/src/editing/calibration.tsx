// What other thresholds would have done on the evidence so far, and what that does not tell.
import { calibrateRule, type Calibration } from "../client.gen.ts";
import { formatCount, formatRate, formatTime } from "../format.ts";
import { Loaded } from "../parts/page.tsx";
import { useResource } from "../resource.ts";
import { SIGNALS } from "../words.ts";
import type { RuleFields } from "./rule-fields.ts";

type Signal = Calibration["signals"][number];
type Replay = Signal["replays"][number];

const thresholdOf = (signal: Signal["signal"], fields: RuleFields): number | undefined =>
  ({
    activation: fields.activationThreshold,
    retention: fields.retentionThreshold,
    latency: fields.latencyP95Threshold,
    errorRate: fields.errorRateThreshold,
  })[signal];

const thresholdText = (signal: Signal["signal"], threshold: number): string =>
  signal === "latency" ? `${formatCount(threshold)} ms` : formatRate(threshold);

/** The replayed threshold that is nearest to the one that is typed. */
const nearestOf = ({ replays }: Signal, threshold: number | undefined): Replay | undefined =>
  threshold === undefined
    ? undefined
    : replays.toSorted(
        (one, other) => Math.abs(one.threshold - threshold) - Math.abs(other.threshold - threshold),
      )[0];

const eventOf = (event: unknown): { readonly at: number; readonly n: number } | null =>
  typeof event === "object" &&
  event !== null &&
  "at" in event &&
  typeof event.at === "number" &&
  "n" in event &&
  typeof event.n === "number"
    ? { at: event.at, n: event.n }
    : null;

const eventText = (event: unknown): string => {
  const found = eventOf(event);
  return found === null
    ? "no"
    : `${formatTime(new Date(found.at * 1_000).toISOString())}, after ${formatCount(found.n)}`;
};

const Replays = ({ signal, fields }: { signal: Signal; fields: RuleFields }) => {
  const nearest = nearestOf(signal, thresholdOf(signal.signal, fields));
  return (
    <div class="scroll">
      <table class="replays">
        <thead>
          <tr>
            <th scope="col">Threshold</th>
            <th scope="col">Rolled back</th>
            <th scope="col">Kept</th>
          </tr>
        </thead>
        <tbody>
          {signal.replays.map((replay) => (
            <tr key={replay.threshold} aria-current={replay === nearest ? "true" : undefined}>
              <th scope="row">
                {thresholdText(signal.signal, replay.threshold)}
                {replay === nearest ? <small>nearest to yours</small> : null}
              </th>
              <td>{eventText(replay["rolledBack"])}</td>
              <td>{eventText(replay["kept"])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
};

export const PastEvidence = ({ featureId, fields }: { featureId: string; fields: RuleFields }) => {
  const calibration = useResource(`calibration ${featureId}`, () => calibrateRule(featureId), {
    everyMs: 300_000,
  });
  return (
    <section class="card planner" aria-labelledby="calibration">
      <h2 id="calibration">On the evidence so far</h2>
      <Loaded from={calibration}>
        {({ signals }) => (
          <>
            {signals.map((signal) => (
              <div key={`${signal.signal} ${signal.against}`} class="outlook">
                <h3>
                  {SIGNALS[signal.signal].name}
                  {signal.against === "holdout" ? ", beside the holdout" : ""}
                </h3>
                {signal.isConclusive ? (
                  <Replays signal={signal} fields={fields} />
                ) : (
                  <p>
                    {signal.seen.n === 0
                      ? "Nothing has been counted yet."
                      : `${formatCount(signal.seen.n)} were counted: too few to say what a threshold would have done.`}
                  </p>
                )}
              </div>
            ))}
            <small>
              A threshold that is chosen on these data is not proven by them: a changed rule starts its
              evidence from nothing.
            </small>
          </>
        )}
      </Loaded>
    </section>
  );
};
