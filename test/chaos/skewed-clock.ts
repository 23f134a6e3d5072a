// Loaded before an origin: its clock is wrong by CLOCK_SKEW_MS.
const skewMs = Number(process.env["CLOCK_SKEW_MS"]);
const trueNow = Date.now;
Date.now = () => trueNow() + skewMs;
const TrueDate = Date;
globalThis.Date = new Proxy(TrueDate, {
  construct: (target, given: []) =>
    given.length === 0 ? new target(trueNow() + skewMs) : new target(...given),
});
