// How the CLI fails: one line for a person, or one JSON object for a program, and an exit code for a script. 1: it could not
// be done, or the answer is no. 2: the arguments or the environment are wrong. 5: it waits for a second person.
import { stripVTControlCharacters } from "node:util";
import { errorText } from "../runtime/error-text.ts";

/** The arguments or the environment are wrong. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The origin answers that it does not do it. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  /** As the origin wrote it (RFC 9457). */
  readonly problem: Readonly<Record<string, unknown>>;
  constructor(message: string, status: number, problem: Readonly<Record<string, unknown>>) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

/** Nothing is done yet: a second person has to approve it. */
export class WaitingError extends Error {
  override readonly name = "WaitingError";
  /** The request for approval, as the origin wrote it. */
  readonly approval: Readonly<Record<string, unknown>>;
  constructor(approval: Readonly<Record<string, unknown>> & { readonly approvalId: string }) {
    super(
      `it waits for the approval of a second person: \`npx sluice approvals show ${approval.approvalId}\` shows it`,
    );
    this.approval = approval;
  }
}

export const exitCode = (error: unknown): 1 | 2 | 5 => {
  if (error instanceof WaitingError) return 5;
  // citty's own errors are about the arguments.
  return error instanceof Error && (error.name === "UsageError" || error.name === "CLIError") ? 2 : 1;
};

/** What goes to standard error. `command`: the words of the command, for the hint. */
export const failureText = (error: unknown, command: string, asJson: boolean): string => {
  const message = stripVTControlCharacters(errorText(error));
  const code = exitCode(error);
  if (asJson) {
    const problem = error instanceof ProblemError ? { problem: error.problem } : {};
    const waiting = error instanceof WaitingError ? { approval: error.approval } : {};
    return `${JSON.stringify({ error: message, exitCode: code, ...problem, ...waiting })}\n`;
  }
  const hint = code === 2 ? `\`npx sluice ${command} --help\` shows how it is used.\n` : "";
  return `sluice: ${message}\n${hint}`;
};
