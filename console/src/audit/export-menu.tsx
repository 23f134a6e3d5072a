import { useState } from "preact/hooks";
import { failureOf, type Failure } from "../api.ts";
import { formatCount } from "../format.ts";
import { Notice } from "../parts/notice.tsx";
import { saveText } from "../parts/save-file.ts";
import type { queryOf } from "./audit-filters.tsx";
import { auditCsv, MOST_ENTRIES, readAll } from "./export.ts";

const FORMS = {
  csv: { name: "CSV", type: "text/csv;charset=utf-8" },
  json: { name: "JSON", type: "application/json" },
} as const;

export const ExportMenu = ({ query }: { query: ReturnType<typeof queryOf> }) => {
  const [said, setSaid] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const save = async (form: keyof typeof FORMS): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      const { entries, isCut } = await readAll(query, (count) => setSaid(`${formatCount(count)} read`));
      const text = form === "csv" ? auditCsv(entries) : `${JSON.stringify(entries, null, 2)}\n`;
      saveText(`sluice-audit.${form}`, FORMS[form].type, text);
      setSaid(
        isCut
          ? `The newest ${formatCount(MOST_ENTRIES)} are saved. Name a time to save the others.`
          : `${formatCount(entries.length)} entries are saved.`,
      );
    } catch (error) {
      setFailure(failureOf(error));
    }
    setBusy(false);
  };
  return (
    <>
      <p class="count">
        Save what is filtered as
        {(["csv", "json"] as const).map((form) => (
          <button key={form} type="button" disabled={isBusy} onClick={() => void save(form)}>
            {FORMS[form].name}
          </button>
        ))}
        <span aria-live="polite">{said}</span>
      </p>
      {failure === null ? null : <Notice failure={failure} />}
    </>
  );
};
