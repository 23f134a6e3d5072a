// An edge of an older version over real HTTP: it keeps to the push contract of signature, revision order and `since`, and
// knows neither closes alone nor parts, unless a test lets it take closes. Tests set its faults. Each push has to show its sender.
import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { PushMessage } from "../../shared/snapshot/push-message.ts";
import type { FeatureState } from "../../shared/features/feature.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import { parseSignature, senderText, signedText } from "../../shared/signing/push-signature.ts";
import { listenOnLoopback } from "./listen.ts";

export type FakeEdge = Awaited<ReturnType<typeof startFakeEdge>>;

type Received = { readonly header: string; readonly sender: string; readonly body: string };

export const startFakeEdge = async (keys: KeyRing, port = 0) => {
  const state = {
    revision: 0,
    features: new Map<string, FeatureState>(),
    received: [] as PushMessage[],
    /** "down": 503. "silent": never answers. */
    fault: "none" as "none" | "down" | "silent",
    regionLag: 0,
    /** Longer bodies are answered 413. */
    maxBytes: Infinity,
    takesCloses: false,
  };

  const isSigned = ({ header, sender, body }: Received): boolean => {
    const signature = parseSignature(header);
    const key = keys.find((candidate) => candidate.kid === signature?.kid);
    if (signature === null || key === undefined) return false;
    const isMacOf = (text: string, mac: string): boolean => {
      const expected = createHmac("sha256", key.secret).update(text).digest();
      const given = Buffer.from(mac, "hex");
      return given.length === expected.length && timingSafeEqual(expected, given);
    };
    return (
      isMacOf(senderText(signature), sender) && isMacOf(signedText(signature.timestamp, body), signature.mac)
    );
  };

  const apply = (message: PushMessage): boolean => {
    if (message.revision < state.revision) return false;
    if (!message.full && (message.since ?? 0) > state.revision) return false;
    if (message.revision === state.revision) return true;
    if (message.full) state.features.clear();
    for (const feature of message.features) state.features.set(feature.featureId, feature);
    for (const featureId of message.removed) state.features.delete(featureId);
    state.revision = message.revision;
    return true;
  };

  const handle = (received: Received): { status: number; body: object } => {
    const { body } = received;
    if (state.fault === "down") return { status: 503, body: {} };
    if (body.length > state.maxBytes) return { status: 413, body: { detail: "too long" } };
    if (!isSigned(received)) return { status: 401, body: {} };
    const message = PushMessage.parse(JSON.parse(body));
    state.received.push(message);
    const closed = state.takesCloses && message.closes !== undefined ? { closed: true } : {};
    if (state.takesCloses)
      for (const { featureId } of message.closes ?? []) {
        const known = state.features.get(featureId);
        if (known !== undefined) state.features.set(featureId, { ...known, enabled: false, rolloutBps: 0 });
      }
    if (!apply(message)) return { status: 409, body: { revision: state.revision, ...closed } };
    const regions = [{ region: "test", revision: state.revision - state.regionLag, ms: 1 }];
    return { status: 200, body: { revision: state.revision, regions, ...closed } };
  };

  const explain = () => ({
    revision: state.revision,
    features: [...state.features.values()].map(({ featureId, enabled }) => ({
      featureId,
      state: enabled ? "open" : "closed",
    })),
  });

  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      if (state.fault === "silent") return;
      if (request.url === "/.sluice/explain") {
        response.end(JSON.stringify(explain()));
        return;
      }
      const answer = handle({
        header: String(request.headers["sluice-signature"]),
        sender: String(request.headers["sluice-sender"]),
        body,
      });
      response
        .writeHead(answer.status, { "content-type": "application/json" })
        .end(JSON.stringify(answer.body));
    });
  });
  const { url } = await listenOnLoopback(server, port);
  return {
    state,
    url,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
};
