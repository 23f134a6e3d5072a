import { useState } from "preact/hooks";
import { failureOf, type Failure } from "../api.ts";
import { verifyAudit, type AuditVerdict } from "../client.gen.ts";
import { formatCount } from "../format.ts";
import { History } from "../parts/history.tsx";
import { Notice } from "../parts/notice.tsx";
import { Page } from "../parts/page.tsx";

const FAULTS = {
  missing: "an entry is missing",
  unlinked: "an entry is not linked to the one before it",
  altered: "an entry was altered",
  headMismatch: "the newest entry is not the one that was written last",
  lost: "entries are lost that an edge knows of",
} as const;

const Result = ({ verdict }: { verdict: AuditVerdict }) =>
  verdict.ok ? (
    <p class="notice good" role="status">
      ✓ {formatCount(verdict.rows)} entries form an unbroken chain, from {verdict.from} to {verdict.to}. Head:{" "}
      <code>{verdict.hash}</code>
    </p>
  ) : (
    <p class="notice bad" role="alert">
      ! At entry {verdict.seq} {FAULTS[verdict.fault]}.
    </p>
  );

export default () => {
  const [verdict, setVerdict] = useState<AuditVerdict | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const verify = async (): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      setVerdict(await verifyAudit());
    } catch (error) {
      setFailure(failureOf(error));
    }
    setBusy(false);
  };
  return (
    <Page
      title="Audit"
      lead="Who changed what and why. Each entry's hash covers the one before it."
      actions={
        <button type="button" disabled={isBusy} onClick={() => void verify()}>
          Verify the chain
        </button>
      }
    >
      {verdict === null ? null : <Result verdict={verdict} />}
      {failure === null ? null : <Notice failure={failure} />}
      <History />
    </Page>
  );
};
