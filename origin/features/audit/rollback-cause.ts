// What a rollback came from, as the details of its entry in the audit tell. Those who list rollbacks ask by it.
import { z } from "zod";

/**
 * `evidence`: Sluice's own decision. `alert`: an alerting system, by a hook. `dependency`: a feature that this one requires was
 * closed. `edge`: an edge held it closed while the database had forgotten it. `person`: somebody, by hand.
 */
export const RollbackCause = z.enum(["evidence", "alert", "dependency", "edge", "person"]);
export type RollbackCause = z.infer<typeof RollbackCause>;

/** Of a row of `rollback_audit`; null: it is no rollback. */
export const rollbackCauseSql = `case
  when action <> 'rollback' then null
  when details ? 'because' then 'dependency'
  when details ? 'recovered' then 'edge'
  when details #> '{evidence,alert}' is not null then 'alert'
  when details ? 'evidence' then 'evidence'
  else 'person'
end`;
