// The demo's story beside the page on which it can be watched. Each step turns by what the API says, never by a clock. What was
// seen stays when the demo has ended and its origin with it.
import { explainVerdict, getDelivery, type Why } from "../client.gen.ts";
import { formatCount, formatMs } from "../format.ts";
import { silentSinceMs } from "../live.ts";
import { useResource } from "../resource.ts";
import { Steps, useSticky, type Step } from "./steps.tsx";

const BAD = "feat_smart_recs_v1";
const GOOD = "feat_express_checkout";
/** The reason with which scripts/demo.ts closes what is still open at its end. */
const IS_OVER = "the demo is over";
const LOOK_EVERY_MS = 2_000;
const HAS_EVIDENCE = new Set(["TESTING", "ROLLBACK", "KEEP", "WATCH"]);

const look = async () => {
  const [bad, good] = await Promise.all([explainVerdict(BAD), explainVerdict(GOOD)]);
  return { bad, good, delivery: bad.rolledBackAt === null ? null : await getDelivery(BAD) };
};
type Look = Awaited<ReturnType<typeof look>>;

const Feature = ({ of }: { of: string }) => <a href={`/features/${of}`}>{of}</a>;
const isKept = ({ verdict }: Why): boolean => verdict?.state === "KEEP" || verdict?.state === "WATCH";
const closedItself = ({ rolledBackAt, rollbackReason }: Why): boolean =>
  rolledBackAt !== null && rollbackReason?.startsWith("ROLLBACK") === true;

const stepsOf = ({ bad, good, delivery }: Look): Step[] => {
  const met = bad.cohorts.treatment.exposed + bad.cohorts.holdout.exposed;
  const afterMs = delivery?.everywhereAfterMs ?? null;
  const isOver =
    silentSinceMs.value !== null || good.rollbackReason === IS_OVER || bad.rollbackReason === IS_OVER;
  return [
    {
      name: "Two features open",
      isDone: bad.enabled || good.enabled || bad.rolledBackAt !== null,
      text: (
        <p>
          Half of the visitors of a shop get <Feature of={BAD} />, which is slow and unconvincing, and half
          get <Feature of={GOOD} />, which is good. A tenth is kept without them, to compare with.
        </p>
      ),
    },
    {
      name: "Visitors come",
      isDone: met > 0,
      text: (
        <p>
          <strong class="counter">{formatCount(met)}</strong> people have met {BAD}. Look at the cohorts under
          its verdict.
        </p>
      ),
    },
    {
      name: "Evidence grows",
      isDone: bad.verdict !== null && HAS_EVIDENCE.has(bad.verdict.state),
      text: <p>Look at the signals, each against its threshold, and at the evidence against its bar.</p>,
    },
    {
      name: "The bad one closes itself",
      isDone: closedItself(bad),
      text: closedItself(bad) ? (
        <p>
          Nobody was asked. {afterMs === null ? "It is on its way to the edge." : null}
          {afterMs === null ? null : (
            <>
              Every edge had it <strong>{formatMs(afterMs)}</strong> after the commit.
            </>
          )}{" "}
          Read the verdict of <Feature of={BAD} />.
        </p>
      ) : (
        <p>Keep the page of {BAD} open: its verdict will turn, and the edges under it.</p>
      ),
    },
    {
      name: "The good one is kept",
      isDone: isKept(good),
      text: (
        <p>
          <Feature of={GOOD} /> has to be proven good by the same rule.
        </p>
      ),
    },
    {
      name: "The demo is over",
      isDone: isOver,
      text: isOver ? (
        <p>
          {closedItself(bad)
            ? "You saw a feature close itself on evidence"
            : "The demo ended before its feature closed"}
          {isKept(good) ? ", and a good one kept. " : ". "}
          Next: <code>npm start</code> keeps a stack running, and its console leads through your first
          feature.
        </p>
      ) : (
        <p>It ends by itself, closes its features, and says what to do next.</p>
      ),
    },
  ];
};

const Told = ({ known }: { known: Look }) => (
  <Steps steps={useSticky(String(known.bad.epoch), stepsOf(known))} />
);

export default () => {
  const known = useResource("demo", look, { changes: ({ kind }) => kind !== "edge", everyMs: LOOK_EVERY_MS });
  return known.data === undefined ? (
    <p role="status">The demo has not opened its features yet. Start it by npm run demo.</p>
  ) : (
    <Told known={known.data} />
  );
};
