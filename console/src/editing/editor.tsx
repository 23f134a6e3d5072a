// What stands around the fields of every editor of something that exists: who owns it, what others changed meanwhile, what was
// left unsaved, and the way to save.
import type { ComponentChildren } from "preact";
import type { Feature } from "../client.gen.ts";
import { Merge } from "../parts/merge.tsx";
import { Form } from "./form.tsx";
import { AskBeforeLeaving } from "./leaving.tsx";
import { Restored, SaveBar, type Saving } from "./save-bar.tsx";
import type { Edit } from "./use-edit.ts";

const Owned = ({ managedBy }: Pick<Feature, "managedBy">) =>
  managedBy === null ? null : (
    <p class="notice warn">
      The file {managedBy.file} of {managedBy.source} owns this: its next apply takes back what you change
      here. Change the file too.
    </p>
  );

const LockedDown = ({ lockdown }: Pick<Feature, "lockdown">) =>
  lockdown ? (
    <p class="notice warn">
      It is locked down: while its trial is undecided, a change has to be forced, and the audit tells it.
    </p>
  ) : null;

export const Editor = <T,>({
  name,
  audited,
  owner,
  edit,
  saving,
  refusal,
  saveAs,
  isNew = false,
  aside,
  children,
}: {
  /** What is edited, as a sentence begins with it. */
  name: string;
  /** As the audit names it. */
  audited: string;
  owner: Pick<Feature, "managedBy" | "lockdown">;
  edit: Edit<T>;
  saving: Saving;
  refusal: string | null;
  /** What the button says. */
  saveAs: string;
  /** It may be saved as it stands, without a change. */
  isNew?: boolean;
  aside: ComponentChildren;
  children: ComponentChildren;
}) => (
  <>
    <Owned managedBy={owner.managedBy} />
    <LockedDown lockdown={owner.lockdown} />
    <Restored edit={edit} />
    <Merge edit={edit} audited={audited} />
    <div class="editor">
      <Form name={name} faults={saving.failure?.fields ?? []} submit={saving.save}>
        {children}
        <SaveBar edit={edit} saving={saving} refusal={refusal} name={saveAs} isNew={isNew} />
      </Form>
      <aside>{aside}</aside>
    </div>
    {edit.isDirty ? <AskBeforeLeaving what={name} discard={edit.discard} /> : null}
  </>
);
