// The chain of hashes is checked in parts, so that years of audit show how far the check has come. Each part begins with the
// entry that the one before ended with: the link between them is checked too.
import { useRef, useState } from "preact/hooks";
import { failureOf, type Failure } from "../api.ts";
import { listAudit, verifyAudit, type AuditVerdict } from "../client.gen.ts";
import { formatCount } from "../format.ts";
import { Notice } from "../parts/notice.tsx";

const PART = 20_000;

const FAULTS = {
  missing: "is missing",
  unlinked: "does not follow the one before it",
  altered: "was altered after it was written",
  headMismatch: "is not the one that was written last",
  lost: "is the last one that an edge has seen of this history: entries after it are lost or replaced",
} as const;

type Check = { readonly checked: number; readonly of: number; readonly verdict: AuditVerdict | null };

export const useVerification = () => {
  const [check, setCheck] = useState<Check | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const isBusy = useRef(false);
  const run = async (): Promise<void> => {
    if (isBusy.current) return;
    isBusy.current = true;
    setFailure(null);
    try {
      const { entries } = await listAudit({ limit: 1 });
      const newest = entries[0]?.seq ?? 0;
      setCheck({ checked: 0, of: newest, verdict: null });
      for (let from = 1; ; from += PART) {
        const isLast = from + PART >= newest;
        // Without an end, so that the newest entry is held against what was written last.
        const verdict = await verifyAudit(isLast ? { $from: from } : { $from: from, to: from + PART });
        if (!verdict.ok || isLast) {
          const rows = verdict.ok ? { ...verdict, from: 1, rows: verdict.to } : verdict;
          setCheck({ checked: verdict.ok ? verdict.to : verdict.seq, of: newest, verdict: rows });
          break;
        }
        setCheck({ checked: verdict.to, of: newest, verdict: null });
      }
    } catch (error) {
      setFailure(failureOf(error));
    }
    isBusy.current = false;
  };
  return { check, failure, run: () => void run() };
};

const Proof = ({ verdict }: { verdict: AuditVerdict }) =>
  verdict.ok ? (
    <div class="notice good proof" role="status">
      <strong>✓ {formatCount(verdict.rows)} entries form an unbroken chain</strong>
      <p>
        Since it was written, no entry was changed, removed or moved, and none was cut off at the end. The
        newest is the one that was committed last, and the history is the one that the edges have seen.
      </p>
      <p>
        Whoever can rewrite the whole database could also compute all hashes anew. Keep the newest hash
        elsewhere, and compare it next time: <code>{verdict.hash}</code>
      </p>
    </div>
  ) : (
    <div class="notice bad proof" role="alert">
      <strong>
        ! Entry {formatCount(verdict.seq)} {FAULTS[verdict.fault]}
      </strong>
      <p>
        Entries before it are whole. Compare with a backup from before, and look at who could write to the
        database. <code>npx sluice audit verify --from N</code> goes on behind a fault that you know.
      </p>
    </div>
  );

export const Verification = ({ check, failure }: { check: Check | null; failure: Failure | null }) => (
  <>
    {failure === null ? null : <Notice failure={failure} />}
    {check === null ? null : check.verdict === null ? (
      failure === null ? (
        <div class="proof" role="status">
          <label>
            {formatCount(check.checked)} of {formatCount(check.of)} entries checked
            <progress max={Math.max(1, check.of)} value={check.checked} />
          </label>
        </div>
      ) : null
    ) : (
      <Proof verdict={check.verdict} />
    )}
  </>
);
