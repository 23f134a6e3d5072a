// What waits for a second person, and what will happen by itself.
import { useState } from "preact/hooks";
import { me, whyNot } from "../api.ts";
import { PlanDialog } from "../approvals/plan-dialog.tsx";
import { Policy } from "../approvals/policy.tsx";
import { Decided, OpenRequest } from "../approvals/requests.tsx";
import { Finished, Planned } from "../approvals/schedules.tsx";
import { getApprovalPolicy, listApprovals, listSchedules } from "../client.gen.ts";
import { Action } from "../parts/action.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { useResource } from "../resource.ts";
import "../approvals/approvals.css";

const read = async () => {
  const [open, decided, policy, planned, finished] = await Promise.all([
    listApprovals({ state: "open", limit: 100 }),
    listApprovals({ state: "decided", limit: 25 }),
    getApprovalPolicy(),
    listSchedules({ state: "planned", limit: 200 }),
    listSchedules({ state: "finished", limit: 25 }),
  ]);
  return { open, decided, policy, planned, finished };
};

export default () => {
  const [isPlanning, setPlanning] = useState(false);
  const resource = useResource("approvals", read, {
    changes: ({ kind }) => kind === "operator" || kind === "change",
    everyMs: 10_000,
  });
  return (
    <Page
      title="Approvals and schedules"
      lead="What waits for a second person, and what happens by itself."
      actions={
        <Action
          name="Plan a change"
          tone="primary"
          refusal={whyNot("editor", me.value?.tags ?? [])}
          onClick={() => setPlanning(true)}
        />
      }
    >
      <Loaded from={resource}>
        {({ open, decided, policy, planned, finished }) => (
          <>
            <Policy policy={policy} done={resource.reload} />
            <h2>Waiting</h2>
            {open.approvals.length === 0 ? <p class="empty">Nothing waits.</p> : null}
            {open.approvals.map((approval) => (
              <OpenRequest key={approval.approvalId} approval={approval} done={resource.reload} />
            ))}
            <h2>Planned</h2>
            <Planned schedules={planned.schedules} done={resource.reload} />
            <h2>Decided lately</h2>
            <Decided approvals={decided.approvals} />
            <h2>Plans that are over</h2>
            <Finished schedules={finished.schedules} />
          </>
        )}
      </Loaded>
      {isPlanning ? (
        <PlanDialog
          close={() => {
            setPlanning(false);
            resource.reload();
          }}
        />
      ) : null}
    </Page>
  );
};
