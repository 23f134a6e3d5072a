// What waits for a second person, and what will happen by itself.
import { useState } from "preact/hooks";
import { me, whyNot } from "../api.ts";
import {
  approveChange,
  cancelSchedule,
  getApprovalPolicy,
  listApprovals,
  listSchedules,
  rejectChange,
  withdrawChange,
  type Approval,
  type Schedule,
} from "../client.gen.ts";
import { failureOf, type Failure } from "../api.ts";
import { Action } from "../parts/action.tsx";
import { ChangeDialog } from "../parts/dialog.tsx";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Notice } from "../parts/notice.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";

const text = (value: unknown): string => (value === undefined ? "–" : JSON.stringify(value));

const Diff = ({ diff }: Pick<Approval, "diff">) => (
  <ul class="diff">
    {diff.map((each) => (
      <li key={`${each.featureId} ${each.field}`}>
        <code>
          {each.featureId === null ? "" : `${each.featureId} `}
          {each.field}
        </code>{" "}
        <del>{text(each.from)}</del> <ins>{text(each.to)}</ins>
      </li>
    ))}
  </ul>
);

/** Why this person may not decide; null: they may. */
const refusalOf = ({ askedBy }: Approval): string | null => {
  if (askedBy === me.value?.actor) return "You asked for it: somebody else has to look at it.";
  if (me.value?.actor === "admin")
    return "ADMIN_TOKEN names nobody: sign in as yourself, or with a token of your own.";
  return whyNot("editor");
};

const Open = ({ approval, done }: { approval: Approval; done: () => void }) => {
  const [isRejecting, setRejecting] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const attempt = (asked: Promise<unknown>): void => {
    const run = async (): Promise<void> => {
      try {
        await asked;
        setFailure(null);
      } catch (error) {
        setFailure(failureOf(error));
      }
      done();
    };
    void run();
  };
  const { approvalId, hash, askedBy } = approval;
  const refusal = refusalOf(approval);
  return (
    <article class="card approval" aria-label={`Change of ${approval.featureIds.join(", ")}`}>
      <p>
        <strong>{askedBy}</strong> asks <Time at={approval.askedAt} ago />: {approval.reason}
      </p>
      <Diff diff={approval.diff} />
      <p>
        <small>
          {approval.tags.join(", ")} · ends <Time at={approval.expiresAt} ago /> ·{" "}
          <code>{hash.slice(0, 12)}</code>
        </small>
      </p>
      {failure === null ? null : <Notice failure={failure} />}
      <div class="actions">
        <Action
          name="Approve exactly this"
          tone="primary"
          refusal={refusal}
          onClick={() => attempt(approveChange(approvalId, { hash }))}
        />
        <Action name="Reject" tone="bad" refusal={refusal} onClick={() => setRejecting(true)} />
        {askedBy === me.value?.actor ? (
          <Action name="Withdraw" refusal={null} onClick={() => attempt(withdrawChange(approvalId))} />
        ) : null}
      </div>
      {isRejecting ? (
        <ChangeDialog
          title="Reject the change"
          confirm="Reject it"
          tone="bad"
          change={(reason) => rejectChange(approvalId, { reason })}
          close={() => {
            setRejecting(false);
            done();
          }}
        />
      ) : null}
    </article>
  );
};

const SCHEDULE_COLUMNS = [
  { name: "Feature", cell: ({ featureId }: Schedule) => <FeatureLink featureId={featureId} /> },
  { name: "Does", cell: ({ change }: Schedule) => change.kind },
  {
    name: "At",
    cell: ({ at, localTime, zone }: Schedule) => (
      <>
        <Time at={at} /> <small>{`${localTime} ${zone}`}</small>
      </>
    ),
  },
  { name: "State", cell: ({ state, note }: Schedule) => (note === null ? state : `${state}: ${note}`) },
  { name: "By", cell: ({ madeBy, reason }: Schedule) => `${madeBy}: ${reason}` },
];

export default () => {
  const read = async () => {
    const [open, decided, policy, planned, schedules] = await Promise.all([
      listApprovals({ state: "open", limit: 100 }),
      listApprovals({ state: "decided", limit: 25 }),
      getApprovalPolicy(),
      listSchedules({ state: "planned", limit: 100 }),
      listSchedules({ limit: 25 }),
    ]);
    return { open, decided, policy, planned, schedules };
  };
  const resource = useResource("approvals", read, {
    changes: ({ kind }) => kind !== "evaluation",
    everyMs: 10_000,
  });
  return (
    <Page title="Approvals and schedules" lead="What waits for a second person, and what happens by itself.">
      <Loaded from={resource}>
        {({ open, decided, policy, planned, schedules }) => (
          <>
            <p>
              {policy.tags.length === 0
                ? "No tag asks for a second person."
                : `Changes of features tagged ${policy.tags.join(", ")} wait for a second person. A rollback never does.`}
            </p>
            <h2>Waiting</h2>
            {open.approvals.length === 0 ? <p class="empty">Nothing waits.</p> : null}
            {open.approvals.map((approval) => (
              <Open key={approval.approvalId} approval={approval} done={resource.reload} />
            ))}
            <h2>Schedules</h2>
            <Rows
              rows={planned.schedules}
              keyOf={({ scheduleId }) => scheduleId}
              empty="Nothing is planned."
              columns={[
                ...SCHEDULE_COLUMNS,
                {
                  name: "Cancel",
                  cell: ({ scheduleId, version, featureId }) => (
                    <Action
                      name={`Cancel ${featureId}`}
                      refusal={whyNot("editor")}
                      onClick={() =>
                        void cancelSchedule(scheduleId, { ifMatch: `"${version}"` }).then(
                          resource.reload,
                          resource.reload,
                        )
                      }
                    />
                  ),
                },
              ]}
            />
            <h2>Decided lately</h2>
            <Rows
              rows={decided.approvals}
              keyOf={({ approvalId }) => approvalId}
              empty="Nothing was decided yet."
              columns={[
                { name: "Features", cell: ({ featureIds }) => featureIds.join(", ") || "the policy" },
                { name: "State", cell: ({ state }) => state },
                { name: "Asked by", cell: ({ askedBy, reason }) => `${askedBy}: ${reason}` },
                {
                  name: "Decided by",
                  cell: ({ decidedBy, decidedAt }) => (
                    <>
                      {decidedBy ?? "nobody"} {decidedAt === null ? null : <Time at={decidedAt} ago />}
                    </>
                  ),
                },
              ]}
            />
            <h2>Schedules, newest first</h2>
            <Rows
              rows={schedules.schedules}
              keyOf={({ scheduleId }) => scheduleId}
              empty="There was none yet."
              columns={SCHEDULE_COLUMNS}
            />
          </>
        )}
      </Loaded>
    </Page>
  );
};
