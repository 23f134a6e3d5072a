// Fields of a rule that contradict each other or what Sluice keeps, in sentences with the figures. None needs the traffic. A rule that
// no feature could ever meet is refused instead (features/check-feature.ts).
import type { Rule } from "../../../shared/features/rule.ts";
import { blindnessOf } from "../blind-signals.ts";
import { formatCount, formatDuration, formatRate } from "../format.ts";
import type { JudgedRule } from "../judged-rule.ts";

/** A person's next page of the same visit comes sooner. */
const VISIT_SECONDS = 1_800;
/** Above it a rule closes many good features. */
const MOST_FALSE_ROLLBACKS = 0.05;
/** The edge's UNFINISHED_AFTER_MS where it is not set, and the most that it may be. */
const HANGS_AFTER_MS = { usual: 10_000, most: 25_000 };

const DAY = 86_400;

const secondsText = (seconds: number): string => `${seconds} (${formatDuration(seconds)})`;

const OUTCOMES = [
  { threshold: "activationThreshold", window: "activationWindowSeconds", signal: "activation" },
  { threshold: "retentionThreshold", window: "retentionWindowSeconds", signal: "retention" },
] as const;

type Warning = string | false | undefined;

const ofOutcomes = (rule: JudgedRule, rawKeepDays: number): Warning[] =>
  OUTCOMES.flatMap(({ threshold, window, signal }) => {
    const isTested = rule[threshold] > 0;
    return [
      isTested &&
        rule[window] >= rule.evaluationWindowSeconds &&
        `${window} is ${secondsText(rule[window])} and the deadline, evaluationWindowSeconds, is ${secondsText(rule.evaluationWindowSeconds)}: nobody has had the whole window before it`,
      isTested &&
        rule[window] > rawKeepDays * DAY &&
        `${window} is ${secondsText(rule[window])} and otel_spans keeps ${rawKeepDays} d (RAW_KEEP_DAYS): the spans of the first visits may be gone when they are decided about; the counts stay`,
      rule[threshold] === 1 &&
        `${threshold} is 1: one unit that fails is enough evidence, so no feature with many units meets it`,
      !isTested &&
        rule.compare[signal] !== undefined &&
        `compare.${signal} is "${rule.compare[signal]}", and ${threshold} is 0: ${signal} is not tested at all`,
    ];
  });

const ofReturns = ({ retentionThreshold, returnAfterSeconds }: Rule): Warning =>
  retentionThreshold > 0 &&
  returnAfterSeconds < VISIT_SECONDS &&
  `returnAfterSeconds is ${secondsText(returnAfterSeconds)}: the next page of the same visit may count as a return`;

const ofRequests = ({ latencyP95Threshold, errorRateThreshold }: Rule): Warning[] => [
  latencyP95Threshold > HANGS_AFTER_MS.usual &&
    `latencyP95Threshold is ${formatCount(latencyP95Threshold)} ms and the edge waits UNFINISHED_AFTER_MS for a response, ${formatCount(HANGS_AFTER_MS.usual)} ms unless set (at most ${formatCount(HANGS_AFTER_MS.most)}): a response that never ends may not count as slow`,
  errorRateThreshold === 0 &&
    "errorRateThreshold is 0: no number of requests proves that none ever fails, so the feature is never kept",
];

const ofRamp = ({ ramp, onFailure, mode, evaluationWindowSeconds }: Rule): Warning[] => {
  if (ramp === undefined)
    return [
      onFailure === "throttle" &&
        'onFailure is "throttle" and the rule has no ramp: a proven failure closes the feature',
    ];
  const seconds = (ramp.stagesBps.length - 1) * ramp.minStageSeconds;
  return [
    mode === "shadow" && 'mode is "shadow": the ramp does not rise before it is "enforce"',
    seconds >= evaluationWindowSeconds &&
      `the ramp takes at least ${secondsText(seconds)} for its ${ramp.stagesBps.length} stages and the deadline, evaluationWindowSeconds, is ${secondsText(evaluationWindowSeconds)}: the last stage comes after it`,
  ];
};

const ofChance = ({ falseRollbackRate, prior, activationThreshold }: Rule): Warning[] => [
  falseRollbackRate > MOST_FALSE_ROLLBACKS &&
    `falseRollbackRate is ${falseRollbackRate}: up to ${formatRate(falseRollbackRate)} of the features that meet their thresholds are rolled back`,
  prior !== undefined &&
    activationThreshold === 0 &&
    "prior is about activation, and activationThreshold is 0: it is not used",
];

/** `rawKeepDays`: how long `otel_spans` keeps a span at least. */
export const ruleContradictions = (rule: JudgedRule, rawKeepDays: number): string[] =>
  [
    ...ofOutcomes(rule, rawKeepDays),
    ofReturns(rule),
    ...ofRequests(rule),
    ...ofRamp(rule),
    ...ofChance(rule),
    blindnessOf(rule) ?? undefined,
  ].filter((warning) => typeof warning === "string");
