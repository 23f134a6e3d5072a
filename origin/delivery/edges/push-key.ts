// Which key signs the pushes to an edge: its own where one is named, else the first. An edge with a key of its own knows no
// key of another edge, so whoever steals it cannot push to the others.
import type { Key, KeyRing } from "../../../shared/signing/key-ring.ts";

/** Names of keys by the host of the edge. */
export type EdgeKeyNames = Readonly<Record<string, string>>;

/** The configuration has been checked: each name is in the ring. Throws for one that is not. */
export const makeKeyOf =
  (keys: KeyRing, names: EdgeKeyNames) =>
  (edgeUrl: string): Key => {
    const { host } = new URL(edgeUrl);
    const kid = Object.hasOwn(names, host) ? names[host] : keys[0].kid;
    const key = keys.find((each) => each.kid === kid);
    if (key === undefined) throw new Error(`PUSH_KEYS has no key ${String(kid)}, which ${host} has`);
    return key;
  };
