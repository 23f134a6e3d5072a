// `sluice login` and `sluice logout`: a token of the person, got by the browser or given, and its end.
import { spawn } from "node:child_process";
import { hash, randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { text } from "node:stream/consumers";
import { defineCommand } from "citty";
import { z } from "zod";
import { askOrigin, originArgument, originOf } from "./ask-origin.ts";
import { awaitCode } from "./await-code.ts";
import {
  credentialsFile,
  forgetCredential,
  keepCredential,
  readCredential,
  type Credential,
} from "./credentials.ts";
import { UsageError } from "./errors.ts";
import { connectionFailure, readProblem } from "./origin-failures.ts";
import { jsonArgument, printJson, say } from "./print.ts";

const WITHIN_MS = 300_000;

const Made = z.object({
  token: z.string(),
  actor: z.string(),
  scope: z.string(),
  expiresAt: z.string().nullable(),
});
const Me = z.looseObject({ actor: z.string(), scope: z.string(), expiresAt: z.string().nullable() });

/** Where there is a desktop; the address is printed in any case. */
const openInBrowser = (url: string): void => {
  const isDesktop = process.platform === "darwin" || process.env["DISPLAY"] || process.env["WAYLAND_DISPLAY"];
  if (!process.stderr.isTTY || !isDesktop) return;
  const program = process.platform === "darwin" ? "open" : "xdg-open";
  const child = spawn(program, [url], { stdio: "ignore", detached: true });
  child.once("error", () => say(`${program} could not be started: open the address yourself`));
  child.unref();
};

const post = async (origin: string, form: Record<string, string>): Promise<Response> => {
  try {
    return await fetch(`${origin}/auth/cli/token`, {
      method: "POST",
      body: new URLSearchParams(form),
      redirect: "manual",
      signal: AbortSignal.timeout(30_000),
    });
  } catch (error) {
    throw new Error(connectionFailure(origin, error), { cause: error });
  }
};

const byBrowser = async (origin: string): Promise<Credential> => {
  // Before a person is sent there: is it an origin that can be reached?
  await fetch(`${origin}/livez`, { signal: AbortSignal.timeout(30_000) }).catch((error: unknown) => {
    throw new Error(connectionFailure(origin, error), { cause: error });
  });
  const verifier = randomBytes(32).toString("base64url");
  const state = randomBytes(32).toString("base64url");
  const code = await awaitCode({
    state,
    withinMs: WITHIN_MS,
    openAt: (port) => {
      const query = new URLSearchParams({
        port: String(port),
        challenge: hash("sha256", verifier, "base64url"),
        state,
        machine: hostname().slice(0, 100) || "a machine",
      }).toString();
      const url = `${origin}/auth/cli?${query}`;
      say(`Open this address in a browser of this machine, and agree there:\n\n  ${url}\n`);
      openInBrowser(url);
    },
  });
  const answer = await post(origin, { code, verifier });
  if (!answer.ok)
    throw new Error(`the origin at ${origin} gives no token: ${(await readProblem(answer)).text}`);
  return Made.parse(await answer.json());
};

const byToken = async (origin: string): Promise<Credential> => {
  if (process.stdin.isTTY) say("Paste the token, then press Enter and Ctrl-D.");
  const token = (await text(process.stdin)).trim();
  if (!/^[\u0021-\u007e]+$/.test(token))
    throw new UsageError("standard input must be one token and nothing else");
  const { actor, scope, expiresAt } = Me.parse(
    await (await askOrigin(origin, { path: "/me", token })).json(),
  );
  return { token, actor, scope, expiresAt };
};

export const loginCommand = defineCommand({
  meta: { name: "login", description: "Sign this command line in as a person, by a browser" },
  args: {
    token: {
      type: "boolean",
      default: false,
      description: "take a token from standard input instead, where there is no browser",
    },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const origin = originOf(args.origin);
    const credential = args.token ? await byToken(origin) : await byBrowser(origin);
    await keepCredential(origin, credential);
    const { actor, scope, expiresAt } = credential;
    if (process.env["SLUICE_TOKEN"]) say("SLUICE_TOKEN is set and is taken before what was kept now.");
    if (args.json) return printJson({ origin, actor, scope, expiresAt });
    const until = expiresAt === null ? "" : ` until ${expiresAt.slice(0, 16).replace("T", " ")} UTC`;
    return say(`Signed in to ${origin} as ${actor} with the scope ${scope}${until}.`);
  },
});

export const logoutCommand = defineCommand({
  meta: { name: "logout", description: "Revoke the token of sluice login and forget it" },
  args: { origin: originArgument },
  run: async ({ args }) => {
    const origin = originOf(args.origin);
    const kept = await readCredential(origin);
    if (kept === undefined) {
      say(`${credentialsFile()} has no token for ${origin}`);
      return;
    }
    try {
      await askOrigin(origin, { method: "DELETE", path: "/me", token: kept.token });
    } catch (error) {
      // A token that does not work any more needs no end. The bootstrap token has none here.
      if (!(error instanceof UsageError)) {
        say("The token could not be revoked, and is kept.");
        throw error;
      }
    }
    await forgetCredential(origin);
    say(`Signed out of ${origin}.`);
  },
});
