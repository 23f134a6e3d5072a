// The spans counted within the last ten minutes, by a 64-bit hash of (trace id, span id), in open-addressed tables one
// after the other in time. A table has as many places as the one before turned out to need. It never grows; another one
// follows. So a key's upper half need not be stored where its place says most of it, and a span takes 6 bytes. The place
// and the 16 bits below it are at least the 32 bits of that half; a false match takes a neighbour with the same 48 bits,
// 5e-13 a span.
//
// Only latency and error counts need this: units are kept by their first times, which a repeated span (however much later)
// does not change.

const REMEMBER_MS = 600_000;
/** The ninth table takes the memory of the first: eight full ones are just more than ten minutes. */
const TABLE_MS = 76_000;
const MIN_KEYS = 55_000;
const MAX_LOAD = 0.85;

type Table = {
  beganMs: number;
  endedMs: number;
  used: number;
  /** keys that it takes */
  readonly room: number;
  readonly low: Uint32Array;
  readonly rest: Uint16Array;
};

const makeTable = (room: number): Table => {
  const places = Math.ceil(room / MAX_LOAD);
  return {
    beganMs: 0,
    endedMs: 0,
    used: 0,
    room,
    low: new Uint32Array(places),
    rest: new Uint16Array(places),
  };
};

const cleared = (table: Table): Table => {
  table.low.fill(0);
  table.rest.fill(0);
  table.used = 0;
  return table;
};

/** The bits of a key that its place does not say. Zeros mark free places, so no key may have them alone. */
const restOf = (low: number, position: number): number => {
  const rest = Math.floor((position - Math.floor(position)) * 65_536);
  return low === 0 && rest === 0 ? 1 : rest;
};

/** Whether the key is there; adds it if not and `add`. */
const lookUp = (table: Table, lowKey: number, highKey: number, add: boolean): boolean => {
  const { low, rest } = table;
  const position = (highKey / 2 ** 32) * low.length;
  const restKey = restOf(lowKey, position);
  let place = Math.floor(position);
  while (low[place] !== 0 || rest[place] !== 0) {
    if (low[place] === lowKey && rest[place] === restKey) return true;
    place = place + 1 === low.length ? 0 : place + 1;
  }
  if (add) {
    low[place] = lowKey;
    rest[place] = restKey;
    table.used++;
  }
  return false;
};

/**
 * How many keys the next table is made for: many more when the last one was full before its time, since each table costs
 * every span a look. Under a steady load as many as before: then its memory is that of an old one.
 */
const nextRoom = (last: Table | undefined, atMs: number): number => {
  if (last === undefined) return MIN_KEYS;
  if (atMs < last.beganMs + TABLE_MS) return last.room * 8;
  return last.used > last.room * 0.85 ? last.room : Math.max(MIN_KEYS, Math.ceil(last.used * 1.05));
};

/**
 * `maxKeys` bounds the memory (7 to 8 bytes each): when more spans than that come in within ten minutes, the oldest are
 * forgotten early.
 */
export const makeDedupe = (maxKeys: number) => {
  let tables: Table[] = [];
  /** the latest time of any key; earlier ones count as it */
  let nowMs = 0;

  const begin = (): Table => {
    const room = Math.min(nextRoom(tables.at(-1), nowMs), Math.floor(maxKeys / 8));
    const old = tables.filter(({ endedMs }) => endedMs < nowMs - REMEMBER_MS);
    tables = tables.slice(old.length);
    let kept = tables.reduce((sum, { used }) => sum + used, 0);
    while (kept + room > maxKeys) {
      const forgotten = tables.shift();
      if (forgotten === undefined) break;
      kept -= forgotten.used;
      old.push(forgotten);
    }
    const free = old.find((table) => table.room === room);
    const table = free === undefined ? makeTable(room) : cleared(free);
    table.beganMs = nowMs;
    tables.push(table);
    return table;
  };

  return {
    /** Notes the key; false when it was there already. `atMs`: when the log took it, rising but for small steps back. */
    add: (low: number, high: number, atMs: number): boolean => {
      for (let i = tables.length - 2; i >= 0; i--) {
        const table = tables[i];
        if (table !== undefined && lookUp(table, low, high, false)) return false;
      }
      nowMs = Math.max(nowMs, atMs);
      let table = tables.at(-1);
      if (table === undefined) table = begin();
      else if (nowMs >= table.beganMs + TABLE_MS || table.used === table.room) {
        if (lookUp(table, low, high, false)) return false;
        table = begin();
      }
      table.endedMs = nowMs;
      return !lookUp(table, low, high, true);
    },
    size: (): number => tables.reduce((sum, { used }) => sum + used, 0),
  };
};
export type Dedupe = ReturnType<typeof makeDedupe>;
