// Whether a User-Agent is that of a bot that says so.
import { isbot } from "isbot";

const MAX_CACHED = 1_000;

export type IsKnownBot = (userAgent: string | null) => boolean;

/** isbot's pattern takes 3 µs for a User-Agent (measured), and a busy hour has few of them. */
export const makeIsKnownBot = (): IsKnownBot => {
  const cached = new Map<string, boolean>();
  return (userAgent) => {
    const agent = userAgent ?? "";
    const known = cached.get(agent);
    if (known !== undefined) return known;
    if (cached.size >= MAX_CACHED) cached.clear();
    const isBot = isbot(agent);
    cached.set(agent, isBot);
    return isBot;
  };
};
