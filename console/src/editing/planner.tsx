// Beside the rule's fields: what the rule as it is typed would notice at today's traffic, and how soon.
import { useEffect, useState } from "preact/hooks";
import { failureOf, type Failure } from "../api.ts";
import { forecastRule, type Forecast } from "../client.gen.ts";
import { formatCount, formatDuration, formatRate } from "../format.ts";
import { Notice } from "../parts/notice.tsx";
import { Term } from "../parts/term.tsx";
import { SIGNALS } from "../words.ts";
import { NumberInput } from "./inputs.tsx";
import { ruleBodyOf, type RuleFields } from "./rule-fields.ts";

const FORECAST_AFTER_MS = 250;
/** People a day to plan with where nobody has met the feature yet. */
const ASSUMED_PER_DAY = 1_000;

type Signal = Forecast["signals"][number];

/** The drop that is spoken of: to 80 % of the threshold, or the smallest that is noticed at all. */
const spokenOf = ({ rollback }: Signal): Signal["rollback"][number] | undefined =>
  rollback.find(({ ratio, users }) => ratio === 0.8 && users !== null) ??
  rollback.findLast(({ users }) => users !== null);

const sentenceOf = (signal: Signal): string => {
  const spoken = spokenOf(signal);
  if (spoken === undefined || spoken.users === null) return "It notices nothing, however bad it gets.";
  const time = spoken.seconds === null ? "" : `, about ${formatDuration(spoken.seconds)}`;
  return `It notices a drop to ${formatRate(spoken.rate)}, ${Math.round(spoken.ratio * 100)} % of the threshold, after ${formatCount(spoken.users)} people${time}.`;
};

/** Time to a rollback by the size of the drop. The table is the chart: each bar stands beside its number. */
const Times = ({ signal }: { signal: Signal }) => {
  const longest = Math.max(...signal.rollback.map(({ seconds }) => seconds ?? 0), 1);
  return (
    <table class="times">
      <caption class="visually-hidden">{SIGNALS[signal.signal].name}: time to a rollback by its drop</caption>
      <thead>
        <tr>
          <th scope="col">Drops to</th>
          <th scope="col">People</th>
          <th scope="col">Noticed after</th>
        </tr>
      </thead>
      <tbody>
        {signal.rollback.map(({ ratio, rate, users, seconds, withinDeadline }) => (
          <tr key={ratio}>
            <th scope="row">{formatRate(rate)}</th>
            <td class="number">{users === null ? "–" : formatCount(users)}</td>
            <td>
              {seconds === null ? (
                "never"
              ) : (
                <>
                  <i
                    aria-hidden="true"
                    class={withinDeadline ? "" : "late"}
                    style={{ width: `${Math.max(2, (seconds / longest) * 100)}%` }}
                  />
                  {formatDuration(seconds)}
                  {withinDeadline ? null : <small>after the deadline</small>}
                </>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
};

export const Planner = ({
  featureId,
  fields,
  perDay,
}: {
  featureId: string;
  fields: RuleFields;
  /** New people of the last day. */
  perDay: { readonly treatment: number; readonly holdout: number };
}) => {
  const [forecast, setForecast] = useState<Forecast | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [assumed, setAssumed] = useState<number | undefined>(undefined);
  const isKnown = perDay.treatment > 0;
  const usersPerDay = Math.max(1, assumed ?? (isKnown ? perDay.treatment : ASSUMED_PER_DAY));
  const holdoutShare = isKnown ? perDay.holdout / perDay.treatment : 1;
  const asked = JSON.stringify([ruleBodyOf(fields), usersPerDay]);
  useEffect(() => {
    let isOver = false;
    const ask = async (): Promise<void> => {
      try {
        const rule = { ...ruleBodyOf(fields), featureId };
        const holdoutUsersPerDay = Math.round(usersPerDay * holdoutShare);
        const found = await forecastRule({ rule, usersPerDay, holdoutUsersPerDay });
        if (isOver) return;
        setForecast(found);
        setFailure(null);
      } catch (error) {
        if (!isOver) setFailure(failureOf(error));
      }
    };
    const timer = setTimeout(() => void ask(), FORECAST_AFTER_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [asked]);
  return (
    <section class="card planner" aria-labelledby="planner">
      <h2 id="planner">At today's traffic</h2>
      <NumberInput
        field="usersPerDay"
        label={
          <>
            New people a day in <Term of="treatment">treatment</Term>
          </>
        }
        min={1}
        max={1e9}
        value={assumed ?? usersPerDay}
        onValue={setAssumed}
        hint={
          isKnown
            ? "As on the last day. Another number plans for another rollout."
            : "Nobody has met the feature yet: this is a guess."
        }
      />
      {failure === null ? null : <Notice failure={failure} />}
      <div
        aria-live="polite"
        aria-busy={forecast === null && failure === null}
        class={failure === null ? "" : "old"}
      >
        {forecast === null
          ? null
          : forecast.signals.map((signal) => (
              <div key={signal.signal} class="outlook">
                <h3>{SIGNALS[signal.signal].name}</h3>
                <p>{sentenceOf(signal)}</p>
                <Times signal={signal} />
              </div>
            ))}
        {forecast !== null && forecast.signals.length === 0 ? (
          <p>Neither activation nor retention is tested: both thresholds are 0.</p>
        ) : null}
        {forecast === null ? null : (
          <small>
            Latency and errors are judged by requests, and are noticed sooner.
            {forecast.errorBudget.launches === 0
              ? ""
              : ` The ${forecast.errorBudget.launches} rules that were enforced in the last 30 days may roll back ${forecast.errorBudget.alpha.toPrecision(2)} good features together.`}
          </small>
        )}
      </div>
    </section>
  );
};
