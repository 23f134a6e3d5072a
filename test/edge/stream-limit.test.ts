import * as fc from "fast-check";
import { expect, test } from "vitest";
import { makeTakePlace, type StreamPlace } from "../../edge/routes/ofrep/stream-limit.ts";

const LIMITS = { perVisitor: 2, perNetwork: 3, inAll: 5 };

test("a place that is given back twice frees one place", () => {
  const take = makeTakePlace(LIMITS);
  const owner = { visitor: "v", network: null };
  const [first] = [take(owner), take(owner)];
  if (typeof first !== "object") throw new Error("there was no place");
  first.release();
  first.release();
  expect(take(owner)).toBeTypeOf("object");
  expect(take(owner)).toBe("tooMany");
});

test("a visitor is refused by their own streams on whatever network, and by their network's", () => {
  const take = makeTakePlace(LIMITS);
  take({ visitor: "v", network: "a" });
  take({ visitor: "v", network: "b" });
  expect(take({ visitor: "v", network: "c" })).toBe("tooMany");
  take({ visitor: null, network: "a" });
  take({ visitor: "w", network: "a" });
  expect(take({ visitor: "x", network: "a" })).toBe("tooMany");
});

test("whoever comes and goes, no limit is exceeded, and all places are free in the end", () => {
  const step = fc.record({
    visitor: fc.option(fc.constantFrom("v", "w", "x")),
    network: fc.option(fc.constantFrom("a", "b")),
    leaves: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const take = makeTakePlace(LIMITS);
      const held: { visitor: string | null; network: string | null; place: StreamPlace }[] = [];
      for (const { visitor, network, leaves } of steps) {
        if (leaves) held.shift()?.place.release();
        const place = take({ visitor, network });
        if (typeof place === "object") held.push({ visitor, network, place });
        expect(held.length).toBeLessThanOrEqual(LIMITS.inAll);
        for (const one of ["v", "w", "x"])
          expect(held.filter((each) => each.visitor === one).length).toBeLessThanOrEqual(LIMITS.perVisitor);
        for (const one of ["a", "b"])
          expect(held.filter((each) => each.network === one).length).toBeLessThanOrEqual(LIMITS.perNetwork);
      }
      for (const { place } of held) place.release();
      for (let i = 0; i < LIMITS.inAll; i++)
        expect(take({ visitor: null, network: null })).toBeTypeOf("object");
      expect(take({ visitor: null, network: null })).toBe("full");
    }),
  );
});
