// What changes, as it happens: one stream of events for the whole console, and whether it is there.
import { signal } from "@preact/signals";
import type { AuditEntry } from "./client.gen.ts";

export type Live =
  | {
      readonly kind: "change";
      readonly change: Pick<AuditEntry, "seq" | "featureId" | "action" | "revision">;
    }
  | { readonly kind: "evaluation"; readonly evaluation: { readonly featureId: string } }
  /** An approval, a schedule or the policy has changed. */
  | { readonly kind: "operator" }
  | { readonly kind: "edge"; readonly edge: { readonly url: string; readonly completeRevision: number } };

/** null: connected. Otherwise since when nothing is heard, in ms of the clock. */
export const silentSinceMs = signal<number | null>(null);

/** The origin says every 5 s that the stream is alive. */
const SILENT_MS = 12_000;
const AGAIN_MS = 3_000;

type Listener = (event: Live) => void;
const listeners = new Set<Listener>();

/** The returned function ends it. */
export const listen = (listener: Listener): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

const tell = (event: Live): void => {
  for (const listener of listeners) listener(event);
};

const KINDS: Readonly<Record<string, (data: string) => Live>> = {
  change: (data) => ({ kind: "change", change: JSON.parse(data) }),
  evaluation: (data) => ({ kind: "evaluation", evaluation: JSON.parse(data) }),
  approval: () => ({ kind: "operator" }),
  schedule: () => ({ kind: "operator" }),
  policy: () => ({ kind: "operator" }),
  edge: (data) => ({ kind: "edge", edge: JSON.parse(data) }),
};

/**
 * Connects, and connects again whenever the stream breaks or falls silent: a proxy may keep a connection open on which
 * nothing comes any more. A new connection goes on after the last change that was heard.
 */
export const startLive = (url: string): void => {
  let source: EventSource | null = null;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let heardAtMs = Date.now();
  let lastEventId = "";
  const hear = (): void => {
    heardAtMs = Date.now();
    silentSinceMs.value = null;
    clearTimeout(silence);
    silence = setTimeout(lose, SILENT_MS);
  };
  const lose = (): void => {
    source?.close();
    clearTimeout(silence);
    silentSinceMs.value ??= heardAtMs;
    silence = setTimeout(open, AGAIN_MS);
  };
  const open = (): void => {
    const after = lastEventId === "" ? "" : `?lastEventId=${encodeURIComponent(lastEventId)}`;
    const opened = new EventSource(url + after);
    source = opened;
    // A connection that never opens is as silent as one on which nothing comes.
    clearTimeout(silence);
    silence = setTimeout(lose, SILENT_MS);
    opened.addEventListener("open", hear);
    opened.addEventListener("alive", hear);
    opened.addEventListener("error", () => {
      silentSinceMs.value ??= heardAtMs;
      if (opened.readyState === EventSource.CLOSED) lose();
    });
    for (const [kind, read] of Object.entries(KINDS))
      opened.addEventListener(kind, (event: MessageEvent<string>) => {
        hear();
        if (event.lastEventId !== "") lastEventId = event.lastEventId;
        tell(read(event.data));
      });
  };
  open();
};
