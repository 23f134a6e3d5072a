// Changes that wait for a second person: what each does, and the decision.
import { useState } from "preact/hooks";
import { failureOf, me, whyNot, type Failure } from "../api.ts";
import { approveChange, rejectChange, withdrawChange, type Approval } from "../client.gen.ts";
import { Action } from "../parts/action.tsx";
import { Ask } from "../parts/ask.tsx";
import { Badge } from "../parts/badge.tsx";
import { Changed } from "../parts/changed.tsx";
import { ChangeDialog } from "../parts/dialog.tsx";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Notice } from "../parts/notice.tsx";
import { Rows } from "../parts/rows.tsx";
import { Time } from "../parts/time.tsx";
import { APPROVAL_STATES, changeText } from "./words.ts";

/** Why this person may not decide; null: they may. */
const refusalOf = ({ askedBy }: Approval): string | null => {
  if (askedBy === me.value?.actor) return "You asked for it: somebody else has to look at it.";
  if (me.value?.actor === "admin")
    return "ADMIN_TOKEN names nobody: sign in as yourself, or with a token of your own.";
  return whyNot("editor");
};

const Subjects = ({ featureIds }: Pick<Approval, "featureIds">) =>
  featureIds.length === 0 ? (
    <>the approval policy</>
  ) : (
    <>
      {featureIds.map((featureId, at) => (
        <span key={featureId}>
          {at === 0 ? "" : ", "}
          <FeatureLink featureId={featureId} />
        </span>
      ))}
    </>
  );

const Approve = ({ approval, close }: { approval: Approval; close: () => void }) => (
  <Ask
    title={`Approve the change of ${approval.featureIds.join(", ") || "the policy"}?`}
    confirm="Approve and carry out"
    run={() => approveChange(approval.approvalId, { hash: approval.hash })}
    close={close}
  >
    <p>
      {changeText(approval.change)}: it is carried out at once, exactly as it is shown, and the audit names{" "}
      {approval.askedBy} and you. If a feature has changed since it was asked for, nothing is carried out.
    </p>
  </Ask>
);

export const OpenRequest = ({ approval, done }: { approval: Approval; done: () => void }) => {
  const [deciding, setDeciding] = useState<"approve" | "reject" | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const { approvalId, hash, askedBy, featureIds } = approval;
  const refusal = refusalOf(approval);
  const close = (): void => {
    setDeciding(null);
    done();
  };
  const withdraw = async (): Promise<void> => {
    try {
      await withdrawChange(approvalId);
      setFailure(null);
    } catch (error) {
      setFailure(failureOf(error));
    }
    done();
  };
  return (
    <article class="card approval" aria-label={`Change of ${featureIds.join(", ")}`}>
      <div class="approval-head">
        <strong>{changeText(approval.change)}</strong> <Subjects featureIds={featureIds} />
        <small>
          asked by {askedBy} <Time at={approval.askedAt} ago />, ends <Time at={approval.expiresAt} ago />
        </small>
      </div>
      <p class="approval-reason">{approval.reason}</p>
      <Changed
        changes={approval.diff.map(({ featureId, field, from, to }) => ({
          field: featureIds.length > 1 && featureId !== null ? `${featureId} ${field}` : field,
          from: from ?? null,
          to,
        }))}
      />
      <p>
        <small>
          Needs a second person because of: {approval.tags.join(", ") || "the policy itself"} · hash{" "}
          <code>{hash.slice(0, 12)}</code>
        </small>
      </p>
      {failure === null ? null : <Notice failure={failure} />}
      <div class="actions">
        <Action
          name="Approve exactly this"
          tone="primary"
          refusal={refusal}
          onClick={() => setDeciding("approve")}
        />
        <Action name="Reject" tone="bad" refusal={refusal} onClick={() => setDeciding("reject")} />
        {askedBy === me.value?.actor || me.value?.scope === "admin" ? (
          <Action name="Withdraw" refusal={null} onClick={() => void withdraw()} />
        ) : null}
      </div>
      {deciding === "approve" ? <Approve approval={approval} close={close} /> : null}
      {deciding === "reject" ? (
        <ChangeDialog
          title="Reject the change"
          confirm="Reject it"
          tone="bad"
          change={(reason) => rejectChange(approvalId, { reason })}
          close={close}
        >
          <p>Nothing is changed. {askedBy} reads your reason, and may ask again with something else.</p>
        </ChangeDialog>
      ) : null}
    </article>
  );
};

type Moved = {
  readonly featureId: string | null;
  readonly changes: readonly { readonly actor: string; readonly action: string; readonly reason: string }[];
};
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
const movedOf = (outcome: unknown): readonly Moved[] =>
  isRecord(outcome) && Array.isArray(outcome["moved"]) ? outcome["moved"] : [];

/** What became of it: of a stale one what has moved, of a failed one why. */
const Outcome = ({ approval }: { approval: Approval }) => {
  const outcome: unknown = approval.outcome;
  const moved = movedOf(outcome);
  const detail = isRecord(outcome) && typeof outcome["detail"] === "string" ? outcome["detail"] : null;
  return (
    <>
      {approval.decisionReason}
      {detail === null ? null : <small>{detail}</small>}
      {moved.map(({ featureId, changes }) => (
        <small key={featureId}>
          {featureId ?? "The policy"} changed first
          {changes.map(({ actor, action, reason }) => `; ${action} by ${actor}: ${reason}`).join("")}. Ask for
          the change again.
        </small>
      ))}
    </>
  );
};

export const Decided = ({ approvals }: { approvals: readonly Approval[] }) => (
  <Rows
    rows={approvals}
    keyOf={({ approvalId }) => approvalId}
    empty="Nothing was decided yet."
    columns={[
      {
        name: "Change",
        cell: (approval) => (
          <>
            {changeText(approval.change)} <Subjects featureIds={approval.featureIds} />
          </>
        ),
      },
      { name: "State", cell: ({ state }) => <Badge state={APPROVAL_STATES[state]} /> },
      {
        name: "Asked",
        cell: ({ askedBy, reason, askedAt }) => (
          <>
            {reason}
            <small>
              {askedBy}, <Time at={askedAt} ago />
            </small>
          </>
        ),
      },
      {
        name: "Decided",
        cell: (approval) => (
          <>
            <Outcome approval={approval} />
            {approval.decidedAt === null ? null : (
              <small>
                {approval.decidedBy ?? "by itself"}, <Time at={approval.decidedAt} ago />
              </small>
            )}
          </>
        ),
      },
    ]}
  />
);
