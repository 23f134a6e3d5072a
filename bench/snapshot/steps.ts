// A Worker that takes the product's own steps, one a request and as often as asked, so that the CPU time of each can be
// read from outside: from a snapshot's text to what requests are answered from, and the signing of cookies.
import * as hmac from "../../edge/hmac.ts";
import { readBody } from "../../edge/routes/read-body.ts";
import { readPush } from "../../edge/routes/read-push.ts";
import { compileSnapshot } from "../../edge/features/compile-snapshot.ts";
import { makeCookies } from "../../edge/visitor/cookie.ts";
import { readKvCopy } from "../../edge/snapshot/kv-copy.ts";
import { UnitId } from "../../shared/ids.ts";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import {
  applyDelta,
  emptySnapshot,
  FIRST_REVISION,
  featuresOf,
  type SnapshotDelta,
} from "../../shared/snapshot/versioned-snapshot.ts";

const ring = KeyRing.parse("k:push-secret-of-the-edge-bench-0123456789abcdefghijklmnop");
const URL_OF_PUSH = "https://shop.example/.sluice/push";
const identityOf = (i: number) => ({
  visitorId: UnitId.parse(`anon-${i}-qL0yGmPq3bVx8w`),
  captchaScore: null,
});

let pushed = { body: "", signature: "" };
let copy = "";
let change: SnapshotDelta | null = null;
let answer: SnapshotDelta | null = null;
let versioned = emptySnapshot;
let snapshot = compileSnapshot(FIRST_REVISION, []);
let values: string[] = [];

const cookies = makeCookies(ring, hmac);
const unsigned = makeCookies(ring, { sign: async () => new Uint8Array(32), verify: async () => true });

const write = async ({ write: writeOne }: typeof cookies, times: number): Promise<void> => {
  const lines: string[] = [];
  for (let i = 0; i < times; i++) lines.push(await writeOne(URL_OF_PUSH, identityOf(i), 20_000));
  values = lines.map((line) => line.slice(line.indexOf("=") + 1, line.indexOf(";")));
};

const verify = async ({ verify: verifyOne }: typeof cookies): Promise<void> => {
  for (const value of values) if ((await verifyOne(value)) === null) throw new Error("not verified");
};

const often = (step: () => unknown) => async (times: number) => {
  for (let i = 0; i < times; i++) await step();
};

const steps: Record<string, (times: number) => Promise<void>> = {
  nothing: often(() => null),
  // What an isolate does with a push: signature, JSON, schema.
  push: often(async () => {
    const request = new Request(URL_OF_PUSH, {
      method: "POST",
      headers: { "Sluice-Signature": pushed.signature },
      body: pushed.body,
    });
    const read = await readPush(request, {
      ring,
      audience: "bench",
      nowMs: Date.now(),
      verify: hmac.verify,
      readUnproven: readBody,
    });
    if (!read.ok) throw new Error(JSON.stringify(read.error));
    change = read.value.message;
  }),
  // What Durable Objects' answers go through, both ways.
  answer: often(() => {
    answer = structuredClone(change);
  }),
  keep: often(() => {
    copy = JSON.stringify({ revision: 1, writtenAt: 1, features: change?.features });
  }),
  kept: often(() => readKvCopy({ get: async () => copy })),
  learn: often(() => {
    if (answer === null) throw new Error("nothing to learn");
    versioned = applyDelta(emptySnapshot, answer);
    snapshot = compileSnapshot(answer.revision, featuresOf(versioned));
  }),
  // The first request of a snapshot.
  meet: often(() => [snapshot.routed("/section-7/x", "POST"), snapshot.mayActivate("POST")]),
  // The next push: one feature.
  change: often(() => {
    const [first] = answer?.features ?? [];
    if (first === undefined) throw new Error("nothing to change");
    const features = [{ ...first, enabled: false }];
    versioned = applyDelta(versioned, { revision: snapshot.revision, full: false, features, removed: [] });
    snapshot = compileSnapshot(snapshot.revision, featuresOf(versioned), snapshot);
  }),
  sign: (times) => write(cookies, times),
  signNothing: (times) => write(unsigned, times),
  verify: () => verify(cookies),
  verifyNothing: () => verify(unsigned),
};

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (request.method === "POST") {
      pushed = {
        body: await request.text(),
        signature: request.headers.get("Sluice-Signature") ?? "",
      };
      return new Response();
    }
    await steps[pathname.slice(1)]?.(Number(searchParams.get("times") ?? 1));
    return new Response(String(snapshot.features.length));
  },
};
