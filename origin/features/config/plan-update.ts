// A stored feature: changed by its file, carried along by a segment, or left by its file.
import { checkGate, checkHoldout, checkRule, checkShares, checkUnit } from "../check-feature.ts";
import type { ChangeKind, NextState } from "../commit-change.ts";
import { changeOf, nextState } from "../prepare-change.ts";
import type { RelatedFeature } from "../related-features.ts";
import { behaviourOf, type Config, type ConfigFeature } from "./applied-fields.ts";
import { differences, fullRule, isRamped, ruleDifferences, type Difference } from "./difference.ts";
import type { PlannedDifference, SegmentWorld } from "./plan-segments.ts";
import {
  errorsOf,
  movedOf,
  noteOfMoved,
  ruleErrors,
  shown,
  targetingOf,
  type OnePlanned,
} from "./planned-feature.ts";
import { isSame } from "./same-value.ts";
import { visitorsNotice } from "./visitors-notice.ts";

const restartsEvidence = "it opens in a new epoch: its evidence starts from nothing";

/** Whether the feature is open after the plan, and why it is not as the file has it. */
const openness = (record: RelatedFeature, { featureId, enabled, reopenEpoch }: ConfigFeature) => {
  const { state, rolledBackAt, rollbackReason } = record;
  if (rolledBackAt === null) {
    const isOpen = enabled ?? state.enabled;
    return { isOpen, opens: isOpen && !state.enabled, notes: [] };
  }
  if (enabled === true && reopenEpoch === state.epoch) return { isOpen: true, opens: true, notes: [] };
  const since = rolledBackAt.toISOString().slice(0, 16).replace("T", " ");
  const note =
    `stays rolled back since ${since} UTC (${rollbackReason ?? "no reason was given"}): ` +
    `\`sluice enable ${featureId}\` opens it, or \`reopenEpoch: ${state.epoch}\` in the file`;
  return { isOpen: false, opens: false, notes: enabled === true ? [note] : [] };
};

const kindOf = (opens: boolean, fields: readonly string[]): ChangeKind => {
  if (opens) return "enable";
  if (fields.length > 0 && fields.every((field) => field.startsWith("rule"))) return "rule";
  const isShare = (field: string) => field === "rolloutBps" || field === "holdoutBps";
  return fields.length > 0 && fields.every(isShare) ? "rollout" : "update";
};

/** A feature that changes only because a segment does: the plan's source need not own it. */
export const planMoved = (record: RelatedFeature, world: SegmentWorld): OnePlanned => {
  const { state } = record;
  const rule = fullRule(state.featureId, record.rule);
  const { targeting, uses, errors } = targetingOf(record.targeting, world);
  return {
    planned: {
      featureId: state.featureId,
      file: record.managedBy?.file ?? null,
      action: "update",
      changes: [],
      notes: noteOfMoved(movedOf(record, world)),
      warnings: [],
      visitors: visitorsNotice(shown(state), shown(state), ["targeting"]),
      epoch: state.enabled ? state.epoch : null,
      rules: { before: rule, after: rule },
      holdouts: { before: state.holdoutBps, after: state.holdoutBps },
    },
    change: changeOf(record, {
      kind: "update",
      reason: "",
      next: { ...nextState(record), ...targeting },
      uses,
    }),
    isNamed: false,
    errors,
  };
};

export const planUpdate = (
  record: RelatedFeature,
  given: ConfigFeature,
  config: Config,
  world: SegmentWorld,
): OnePlanned => {
  const { featureId, file, rolloutBps, holdoutBps, rule: fields } = given;
  const { state, managedBy } = record;
  const before = nextState(record);
  const ruleBefore = fullRule(featureId, record.rule);
  const rule = fields === undefined ? ruleBefore : { featureId, ...fields };
  const { isOpen, opens, notes: opennessNotes } = openness(record, given);
  const isLatched = record.rolledBackAt !== null && !opens;
  const isMoved = state.enabled && isOpen && isRamped(rule);
  const { targeting: written, ...behaviour } = behaviourOf(featureId, given);
  const { targeting, uses, errors } = targetingOf(written, world);
  const next: NextState = {
    ...before,
    ...behaviour,
    ...targeting,
    enabled: isOpen,
    epoch: opens ? state.epoch + 1 : state.epoch,
    rolloutBps:
      isLatched || isMoved
        ? state.rolloutBps
        : (rolloutBps ?? (opens ? record.rolloutBeforeBps : null) ?? state.rolloutBps),
    holdoutBps: holdoutBps ?? state.holdoutBps,
    ...(opens ? { rolloutBeforeBps: null, rollbackReason: null, latched: false } : {}),
  };
  const compared = { enabled: next.enabled, rolloutBps: next.rolloutBps, holdoutBps: next.holdoutBps };
  const found: Difference[] = [
    ...differences(
      { ...before, targeting: record.targeting },
      { ...compared, ...behaviour, targeting: written },
    ),
    ...(fields === undefined || rule === null ? [] : ruleDifferences(ruleBefore, rule)),
  ];
  const drift = managedBy?.source === config.source ? managedBy.drift : [];
  const changes = found.map(({ field, from, to }): PlannedDifference => {
    const isByHand = drift.some((one) => one.field === field && isSame(field, one.file, to));
    return { field, from, to, by: isByHand ? "hand" : "file" };
  });
  const moves = movedOf(record, world);
  const names = [...changes.map(({ field }) => field), ...(moves.length === 0 ? [] : ["targeting"])];
  const isOwner = managedBy?.source === config.source && managedBy.file === file;
  const notes = [
    ...opennessNotes,
    ...noteOfMoved(moves),
    ...(isMoved && rolloutBps !== undefined && rolloutBps !== state.rolloutBps
      ? [
          `its rollout stays at ${state.rolloutBps} bps: the rule's ramp moves it, and the file's ${rolloutBps} is where it begins`,
        ]
      : []),
    ...(isOwner || managedBy === null
      ? []
      : [
          `moves here from ${managedBy.source === config.source ? "" : `${managedBy.source}, `}${managedBy.file}`,
        ]),
  ];
  const setsRule = names.some((name) => name.startsWith("rule"));
  const isForeign = managedBy !== null && managedBy.source !== config.source;
  const changed = names.length > 0 ? "update" : "adopt";
  const action = names.length === 0 && isOwner ? "keep" : changed;
  return {
    planned: {
      featureId,
      file,
      action,
      changes,
      notes,
      warnings: opens ? [restartsEvidence] : [],
      visitors: visitorsNotice(shown(state), shown(next), names),
      epoch: state.enabled && isOpen ? state.epoch : null,
      rules: { before: ruleBefore, after: rule },
      holdouts: { before: state.holdoutBps, after: next.holdoutBps },
    },
    change:
      action === "keep"
        ? null
        : changeOf(record, {
            kind: kindOf(opens, names),
            reason: "",
            next,
            rule: setsRule ? rule : null,
            uses,
          }),
    isNamed: true,
    errors:
      isForeign && !config.takeOver
        ? [
            {
              field: "featureId",
              reason: `${managedBy.source} owns it (${managedBy.file}): take it out there first, or apply with --take-over`,
            },
          ]
        : [
            ...errors,
            ...errorsOf(
              checkUnit(state, next.unit),
              checkShares(next, holdoutBps !== undefined),
              checkGate(next),
              setsRule ? undefined : checkHoldout(record, next),
            ),
            ...(setsRule && rule !== null ? ruleErrors(checkRule(rule, next)) : []),
          ],
  };
};

export const planRemoval = (record: RelatedFeature, { removed }: Config, world: SegmentWorld): OnePlanned => {
  const { featureId } = record.state;
  const isDeleted = removed === "delete";
  const rule = fullRule(featureId, record.rule);
  const { holdoutBps } = record.state;
  const moves = isDeleted ? [] : movedOf(record, world);
  const { targeting, uses, errors } =
    moves.length === 0
      ? { targeting: {}, uses: undefined, errors: [] }
      : targetingOf(record.targeting, world);
  return {
    planned: {
      featureId,
      file: null,
      action: isDeleted ? "delete" : "release",
      changes: [],
      notes: [`it left ${record.managedBy?.file ?? "its file"}`, ...noteOfMoved(moves)],
      warnings: isDeleted && record.state.enabled ? ["it is open"] : [],
      visitors: isDeleted ? visitorsNotice(shown(record.state), null, []) : null,
      epoch: null,
      rules: { before: rule, after: rule },
      holdouts: { before: holdoutBps, after: holdoutBps },
    },
    change: changeOf(
      record,
      isDeleted
        ? { kind: "delete", reason: "", next: null }
        : { kind: "update", reason: "", next: { ...nextState(record), ...targeting }, uses },
    ),
    isNamed: false,
    errors,
  };
};
