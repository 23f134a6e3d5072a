// What `npm audit` found, held against what was accepted. Pure.
import { z } from "zod";

const SEVERE: ReadonlySet<string> = new Set(["high", "critical"]);

const Advisory = z.looseObject({ url: z.string(), title: z.string(), severity: z.string() });
/** https://docs.npmjs.com/cli/commands/npm-audit: `via` names an advisory, or a package that has one. */
export const AuditReport = z.object({
  vulnerabilities: z.record(z.string(), z.object({ via: z.array(z.union([z.string(), Advisory])) })),
});
export type AuditReport = z.infer<typeof AuditReport>;

export const AcceptedAdvisories = z.array(
  z.strictObject({
    /** As in the advisory's address: GHSA-xxxx-xxxx-xxxx. */
    advisory: z.string().regex(/^GHSA(-[a-z0-9]{4}){3}$/),
    /** Why it does no harm here. */
    reason: z.string().min(20),
    /** The last day on which that counts. */
    until: z.iso.date(),
  }),
);
export type AcceptedAdvisories = z.infer<typeof AcceptedAdvisories>;

/** A line for each advisory of severity high or critical that is not accepted, and for each entry that has to go. `today`: 2026-11-26. */
export const judgeAudit = (
  report: AuditReport,
  accepted: AcceptedAdvisories,
  today: string,
): readonly string[] => {
  const severe = Object.entries(report.vulnerabilities).flatMap(([name, { via }]) =>
    via.flatMap((one) =>
      typeof one === "string" || !SEVERE.has(one.severity)
        ? []
        : [{ ...one, name, id: one.url.slice(one.url.lastIndexOf("/") + 1) }],
    ),
  );
  const found = new Set(severe.map(({ id }) => id));
  const valid = new Set(accepted.filter(({ until }) => until >= today).map(({ advisory }) => advisory));
  const open = severe
    .filter(({ id }) => !valid.has(id))
    .map(({ name, severity, title, url }) => `${name}: ${severity}: ${title} (${url})`);
  const stale = accepted.flatMap(({ advisory, until }) => [
    ...(until < today ? [`${advisory} was accepted until ${until} only: look at it again`] : []),
    ...(found.has(advisory) ? [] : [`${advisory} is accepted and no longer found: take it off the list`]),
  ]);
  return [...new Set([...open, ...stale])];
};
