// How many streams an isolate holds open: of one visitor, of one network, and in all. A stream costs memory and a wake-up
// a second for as long as its client likes, so nobody may take all of them.

export type StreamLimits = {
  readonly perVisitor: number;
  readonly perNetwork: number;
  readonly inAll: number;
};

/** A page has one stream. It takes 140 kB of workerd, its connection included (test/flow/ofrep-limits.test.ts). */
export const STREAM_LIMITS: StreamLimits = { perVisitor: 20, perNetwork: 100, inAll: 500 };

/** Whose stream it is; null: not known. */
export type StreamOwner = { readonly visitor: string | null; readonly network: string | null };

/** `tooMany`: of this visitor or network. `full`: of everybody. */
export type StreamRefusal = "tooMany" | "full";

/** A place for one stream; `release` may be called more than once. */
export type StreamPlace = { readonly release: () => void };

export type TakePlace = (owner: StreamOwner) => StreamPlace | StreamRefusal;

export const makeTakePlace = ({ perVisitor, perNetwork, inAll }: StreamLimits): TakePlace => {
  const open = new Map<string, number>();
  let all = 0;

  const add = (name: string, by: 1 | -1): void => {
    const count = (open.get(name) ?? 0) + by;
    if (count === 0) open.delete(name);
    else open.set(name, count);
  };

  return ({ visitor, network }) => {
    const names = [
      ...(visitor === null ? [] : [{ name: `visitor ${visitor}`, most: perVisitor }]),
      ...(network === null ? [] : [{ name: `network ${network}`, most: perNetwork }]),
    ];
    if (names.some(({ name, most }) => (open.get(name) ?? 0) >= most)) return "tooMany";
    if (all >= inAll) return "full";
    all++;
    for (const { name } of names) add(name, 1);
    let isHeld = true;
    return {
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        all--;
        for (const { name } of names) add(name, -1);
      },
    };
  };
};
