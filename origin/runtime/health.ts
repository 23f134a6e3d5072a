// Checks of what Sluice needs, each bounded in time: one that fails or hangs never stops the others. Stages have the checks,
// main.ts gathers them, and the admin API shows what they find.
import { errorText } from "./error-text.ts";

/** `unknown`: it could not be checked. */
export type HealthStatus = "ok" | "warning" | "unknown" | "failing";

export type Finding = {
  readonly status: HealthStatus;
  /** What it is about, where a check looks at several: an edge, a region, a feature. */
  readonly subject?: string;
  /** What is the case, in a sentence. */
  readonly summary: string;
  /** What to do, where something is to be done. */
  readonly todo?: string;
};

export type HealthCheck = {
  /** Of one word, for programs. */
  readonly id: string;
  readonly run: () => Promise<readonly Finding[]>;
};

export type CheckedFinding = Finding & { readonly check: string };

export type Health = {
  /** The worst of all. */
  readonly status: HealthStatus;
  readonly findings: readonly CheckedFinding[];
};

const ORDER: readonly HealthStatus[] = ["ok", "warning", "unknown", "failing"];
/** A push has 5 s (origin/delivery/edges/send-push.ts). */
const CHECK_WITHIN_MS = 6_000;
/** More findings of one check say nothing new. */
const MAX_FINDINGS = 20;

export const worstOf = (statuses: readonly HealthStatus[]): HealthStatus =>
  ORDER.findLast((status) => statuses.includes(status)) ?? "ok";

const runWithin = async ({ run }: HealthCheck, ms: number): Promise<readonly Finding[]> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly Finding[]>((resolve) => {
    timer = setTimeout(
      () => resolve([{ status: "unknown", summary: `could not be checked within ${ms / 1_000} s` }]),
      ms,
    );
  });
  try {
    return await Promise.race([run(), late]);
  } catch (error) {
    return [{ status: "unknown", summary: `could not be checked: ${errorText(error)}` }];
  } finally {
    clearTimeout(timer);
  }
};

/** The worst first where there are too many. */
const shorten = (findings: readonly Finding[]): readonly Finding[] => {
  if (findings.length <= MAX_FINDINGS) return findings;
  const sorted = findings.toSorted((a, b) => ORDER.indexOf(b.status) - ORDER.indexOf(a.status));
  const left = sorted.slice(MAX_FINDINGS);
  const summary = `${left.length} more findings are not shown`;
  return [...sorted.slice(0, MAX_FINDINGS), { status: worstOf(left.map(({ status }) => status)), summary }];
};

export const runHealthChecks = async (
  checks: readonly HealthCheck[],
  withinMs = CHECK_WITHIN_MS,
): Promise<Health> => {
  const found = await Promise.all(
    checks.map(async (check) =>
      shorten(await runWithin(check, withinMs)).map((finding) => Object.assign({ check: check.id }, finding)),
    ),
  );
  const findings = found.flat();
  return { status: worstOf(findings.map(({ status }) => status)), findings };
};
