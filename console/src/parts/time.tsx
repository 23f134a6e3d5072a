import { signal } from "@preact/signals";
import { formatAgo, formatTime, formatUtc } from "../format.ts";

/** The clock by which ages are shown. */
export const nowMs = signal(Date.now());
setInterval(() => {
  nowMs.value = Date.now();
}, 1_000);

/** A point in time, in the reader's zone and with UTC on hover. */
export const Time = ({ at, ago = false }: { at: string; ago?: boolean }) => (
  <time dateTime={at} title={ago ? `${formatTime(at)} (${formatUtc(at)})` : formatUtc(at)}>
    {ago ? formatAgo(at, nowMs.value) : formatTime(at)}
  </time>
);
