// What will happen by itself, day by day, and what became of the rest.
import { useState } from "preact/hooks";
import { whyNot } from "../api.ts";
import { cancelSchedule, type Schedule } from "../client.gen.ts";
import { Action } from "../parts/action.tsx";
import { Ask } from "../parts/ask.tsx";
import { Badge } from "../parts/badge.tsx";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Rows } from "../parts/rows.tsx";
import { Time } from "../parts/time.tsx";
import { formatUtc } from "../format.ts";
import { changeText, SCHEDULE_STATES } from "./words.ts";

const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

const byDay = (schedules: readonly Schedule[]): Map<string, Schedule[]> => {
  const days = new Map<string, Schedule[]>();
  for (const schedule of schedules.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))) {
    const key = day.format(new Date(schedule.at));
    days.set(key, [...(days.get(key) ?? []), schedule]);
  }
  return days;
};

const Cancel = ({ schedule, close }: { schedule: Schedule; close: () => void }) => (
  <Ask
    title={`Cancel the plan for ${schedule.featureId}?`}
    confirm="Cancel the plan"
    tone="bad"
    run={() => cancelSchedule(schedule.scheduleId, { ifMatch: `"${schedule.version}"` })}
    close={close}
  >
    <p>
      “{changeText(schedule.change)}” is not carried out at <Time at={schedule.at} />. The feature stays as it
      is. The plan stays in the list below, with your name.
    </p>
  </Ask>
);

/** Of a planned one: whether the feature has changed since it was planned. */
const Moved = ({ schedule: { baseVersion, featureVersion, lastError } }: { schedule: Schedule }) => (
  <>
    {featureVersion === null ? (
      <small class="error">The feature is gone: nothing will be carried out.</small>
    ) : featureVersion === baseVersion ? null : (
      <small>
        The feature was changed since this was planned. It is still carried out on what it is then.
      </small>
    )}
    {lastError === null ? null : <small class="error">An attempt failed: {lastError}</small>}
  </>
);

export const Planned = ({ schedules, done }: { schedules: readonly Schedule[]; done: () => void }) => {
  const [cancelling, setCancelling] = useState<Schedule | null>(null);
  return schedules.length === 0 ? (
    <p class="empty">
      Nothing is planned. Plan a launch, a wider rollout or an end: it happens by itself, and never against a
      rollback.
    </p>
  ) : (
    <>
      {[...byDay(schedules)].map(([name, rows]) => (
        <section key={name} class="day" aria-label={name}>
          <h3>{name}</h3>
          <ul>
            {rows.map((schedule) => (
              <li key={schedule.scheduleId}>
                <time dateTime={schedule.at} title={formatUtc(schedule.at)}>
                  {clock.format(new Date(schedule.at))}
                </time>
                <div>
                  <strong>{changeText(schedule.change)}</strong>{" "}
                  <FeatureLink featureId={schedule.featureId} />
                  <small>
                    {formatUtc(schedule.at)}; planned by {schedule.madeBy}: {schedule.reason}
                  </small>
                  <Moved schedule={schedule} />
                </div>
                <Action
                  name={`Cancel ${schedule.featureId}`}
                  refusal={whyNot("editor")}
                  onClick={() => setCancelling(schedule)}
                />
              </li>
            ))}
          </ul>
        </section>
      ))}
      {cancelling === null ? null : (
        <Cancel
          schedule={cancelling}
          close={() => {
            setCancelling(null);
            done();
          }}
        />
      )}
    </>
  );
};

export const Finished = ({ schedules }: { schedules: readonly Schedule[] }) => (
  <Rows
    rows={schedules}
    keyOf={({ scheduleId }) => scheduleId}
    empty="No plan has come to its time yet."
    columns={[
      { name: "Feature", cell: ({ featureId }) => <FeatureLink featureId={featureId} /> },
      { name: "Change", cell: ({ change }) => changeText(change) },
      { name: "At", cell: ({ at }) => <Time at={at} /> },
      {
        name: "State",
        cell: ({ state, note, finishedBy }) => (
          <>
            <Badge state={SCHEDULE_STATES[state]} />
            {note === null ? null : <small>{note}</small>}
            {state === "cancelled" && finishedBy !== null ? <small>by {finishedBy}</small> : null}
          </>
        ),
      },
      {
        name: "Planned",
        cell: ({ madeBy, reason }) => (
          <>
            {reason}
            <small>{madeBy}</small>
          </>
        ),
      },
    ]}
  />
);
