// Which tags ask for a second person, and the change of that.
import { useState } from "preact/hooks";
import { whyNot } from "../api.ts";
import { setApprovalPolicy, type ApprovalPolicy } from "../client.gen.ts";
import { Action } from "../parts/action.tsx";
import { ChangeDialog } from "../parts/dialog.tsx";
import { TextField, wordsOf } from "../parts/fields.tsx";
import { Time } from "../parts/time.tsx";

const Edit = ({ policy, close }: { policy: ApprovalPolicy; close: () => void }) => {
  const [tags, setTags] = useState(policy.tags.join(", "));
  const chosen = wordsOf(tags);
  return (
    <ChangeDialog
      title="Which tags ask for a second person?"
      confirm={policy.tags.length === 0 ? "Set the policy" : "Ask for the change"}
      change={(reason) => setApprovalPolicy(`"${policy.version}"`, { tags: chosen, reason })}
      close={close}
    >
      <TextField label="Tags" value={tags} set={setTags} placeholder="none: one person is enough" />
      <p>
        {chosen.length === 0
          ? "Afterwards every change is made by one person."
          : `Changes of features tagged ${chosen.join(" or ")} wait until somebody else approves them. Rollbacks never wait.`}{" "}
        {policy.tags.length === 0
          ? "It holds at once."
          : "A policy that names tags is changed by two admins: this waits for the second."}
      </p>
    </ChangeDialog>
  );
};

export const Policy = ({ policy, done }: { policy: ApprovalPolicy; done: () => void }) => {
  const [isEditing, setEditing] = useState(false);
  return (
    <section class="card policy" aria-labelledby="policy">
      <div class="approval-head">
        <h2 id="policy">Policy</h2>
        <Action name="Change the policy" refusal={whyNot("admin")} onClick={() => setEditing(true)} />
      </div>
      <p>
        {policy.tags.length === 0 ? (
          "No tag asks for a second person: every change is made by one."
        ) : (
          <>
            Changes of features tagged{" "}
            {policy.tags.map((tag) => (
              <span key={tag} class="tag">
                {tag}
              </span>
            ))}{" "}
            wait for a second person. A rollback never does.
          </>
        )}
      </p>
      {policy.at === null ? null : (
        <p>
          <small>
            Set by {policy.actor} <Time at={policy.at} ago />: {policy.reason}
          </small>
        </p>
      )}
      {isEditing ? (
        <Edit
          policy={policy}
          close={() => {
            setEditing(false);
            done();
          }}
        />
      ) : null}
    </section>
  );
};
