// `npm run audit`: fails on advisories of severity high and critical against what an installation has, unless
// scripts/audit/accepted.json names them. Exit 1: there are some. Exit 2: the registry did not answer, so nothing is known.
import { readFileSync } from "node:fs";
import { root } from "../origin/runtime/place.ts";
import { AcceptedAdvisories, judgeAudit } from "./audit/judge-audit.ts";
import { runAudit } from "./audit/run-audit.ts";

const accepted = AcceptedAdvisories.parse(
  JSON.parse(readFileSync(new URL("audit/accepted.json", import.meta.url), "utf8")),
);
const answer = await runAudit(root);
if (!answer.answered) {
  process.stderr.write(`not audited, because the registry did not answer: ${answer.why}\n`);
  process.exit(2);
}
const lines = judgeAudit(answer.report, accepted, new Date().toISOString().slice(0, 10));
for (const line of lines) process.stderr.write(`${line}\n`);
if (lines.length > 0) process.exit(1);
process.stdout.write("no advisory of severity high or critical is open\n");
