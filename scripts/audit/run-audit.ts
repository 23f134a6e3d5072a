// Asks the registry by `npm audit` about the packages that an installation has, those for development left out.
import { execFile } from "node:child_process";
import { z } from "zod";
import { AuditReport } from "./judge-audit.ts";

const Refusal = z.looseObject({ message: z.string() });

export type AuditAnswer =
  | { readonly answered: true; readonly report: AuditReport }
  | { readonly answered: false; readonly why: string };

/** `registry`: another one than npm is set to. A registry may be out of reach, and a mirror may not answer audits at all. */
export const runAudit = async (folder: string, registry?: string): Promise<AuditAnswer> => {
  const words = ["audit", "--omit=dev", "--package-lock-only", "--json", "--fetch-retries=1"];
  const chosen = registry === undefined ? [] : [`--registry=${registry}`];
  const { output, errors } = await new Promise<{ output: string; errors: string }>((resolve) => {
    // npm ends with 1 both when it has found something and when it was not answered.
    execFile("npm", [...words, ...chosen], { cwd: folder, maxBuffer: 2 ** 26 }, (_, stdout, stderr) =>
      resolve({ output: stdout, errors: stderr }),
    );
  });
  try {
    const parsed: unknown = JSON.parse(output);
    const report = AuditReport.safeParse(parsed);
    if (report.success) return { answered: true, report: report.data };
    const refused = Refusal.safeParse(parsed);
    return { answered: false, why: refused.success ? refused.data.message : output.slice(0, 300) };
  } catch {
    return { answered: false, why: errors.trim().slice(0, 300) || "npm audit printed nothing" };
  }
};
