// Carries a change out: read, prepare (pure), ask whoever may refuse it, commit in one round trip. When another change came first,
// it is prepared again from the new state. So callers see a conflict only where they named a version themselves.
import type { Pool } from "../db/pool.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { withDiff } from "./change-diff.ts";
import type { ChangeError } from "./change-error.ts";
import type { ChangeGuard } from "./change-guard.ts";
import type { ChangeSteps } from "./change-steps.ts";
import { checkSite, readSite } from "./check-site.ts";
import { findCommitted, type Committed, type FeatureChange } from "./commit-change.ts";
import type { Commit } from "./commit-queue.ts";
import type { Prepared } from "./prepare-change.ts";
import type { RelatedFeatures } from "./related-features.ts";

/** How a change is carried out. */
export type ChangeTerms = {
  readonly expectedVersion?: number | undefined;
  readonly guard?: ChangeGuard | undefined;
  /** Under which the change has its effect once, however often it is carried out. */
  readonly changeId?: string | undefined;
  /** Goes into the audit beside what the change itself says there. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
};

export type CommittedChange = {
  readonly committed: Committed;
  /** None where an earlier call had committed the change. */
  readonly changes: readonly FeatureChange[];
};

/** A change loses only to changes of the same features that came first; so many in a row are a fault elsewhere. */
const MAX_ATTEMPTS = 50;

/** `siteHosts`: names under which visitors reach the site, as far as they are known. */
export const makePrepareChecked =
  ({ pool, siteHosts }: { pool: Pool; siteHosts: readonly string[] }) =>
  /** What the steps prepare from the stored features, or why the change may not be. */
  async (
    { read, prepare, checksSite = false }: ChangeSteps,
    guard: ChangeGuard | undefined,
  ): Promise<{ readonly related: RelatedFeatures; readonly prepared: Prepared }> => {
    const related = await read();
    const prepared = prepare(related);
    if (!prepared.ok) return { related, prepared };
    const changes = prepared.value;
    const [first] = changes;
    const siteError =
      checksSite && first !== undefined ? checkSite(await readSite(pool), first, siteHosts) : undefined;
    return { related, prepared: siteError ?? (await guard?.({ related, changes })) ?? prepared };
  };

export type PrepareChecked = ReturnType<typeof makePrepareChecked>;

/** null: there was nothing to change. */
export type CarryOut = (
  steps: ChangeSteps,
  terms?: Omit<ChangeTerms, "expectedVersion">,
) => Promise<Result<CommittedChange | null, ChangeError>>;

/** `newId` makes the uuid under which a change can be repeated without effect. */
export const makeCarryOut = ({
  pool,
  commit,
  newId,
  prepareChecked,
}: {
  pool: Pool;
  commit: Commit;
  newId: () => string;
  prepareChecked: PrepareChecked;
}): CarryOut => {
  return async (steps, { guard, changeId, details } = {}) => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const { related, prepared } = await prepareChecked(steps, guard);
      if (!prepared.ok) {
        const before = changeId === undefined ? null : await findCommitted(pool, changeId);
        return before === null ? prepared : ok({ committed: before, changes: [] });
      }
      const changes = prepared.value;
      if (changes.length === 0) return ok(null);
      const features = changes.map((change) => withDiff(related, change, details));
      const committed = await commit({ changeId: changeId ?? newId(), actor: steps.actor, features });
      if (committed.ok) return ok({ committed: committed.value, changes });
      if (committed.error.reason === "tooLarge") return err(committed.error);
    }
    throw new Error(`a change lost to others ${MAX_ATTEMPTS} times in a row`);
  };
};
