/**
 * Sluice
 * 1
 * DO NOT MODIFY - This file has been generated using oazapfts.
 * See https://www.npmjs.com/package/oazapfts
 */
import * as Oazapfts from "@oazapfts/runtime";
import * as QS from "@oazapfts/runtime/query";
export const defaults: Oazapfts.Defaults<Oazapfts.CustomHeaders> = {
    headers: {},
    baseUrl: "/admin/v1"
};
const oazapfts = Oazapfts.runtime(defaults);
export const servers = {
    server1: "/admin/v1"
};
export type HookDelivery = {
    deliveryId: number;
    mode: "shadow" | "enforce";
    alerts: {
        /** One firing of the alert; null: it could not be read. */
        key: string | null;
        title: string;
        /** What became of it. */
        outcome: "rolledBack" | "wouldRollBack" | "alreadyClosed" | "repeated" | "beganBefore" | "resolved" | "ignored" | "noTarget" | "notAllowed" | "unknownFeature" | "unreadable" | "leftOut" | "failed";
        /** The same in a sentence. */
        detail: string;
        /** What it closed, or would close. */
        featureIds: string[];
        revision: number | null;
    }[];
};
export type Problem = {
    "type": string;
    title: string;
    status: number;
    /** What is wrong and what to do, for a person. */
    detail?: string;
    /** The same in one word, for a program. */
    reason?: string;
    /** Each wrong field. */
    errors?: {
        /** Dotted path of the field; empty for the body itself. */
        field: string;
        /** The same as a JSON pointer (RFC 6901). */
        pointer: string;
        detail: string;
    }[];
    /** As in the header X-Request-Id and in the log. */
    requestId?: string;
    [key: string]: any;
};
export type Hook = {
    name: string;
    /** Whose payload and signature it takes. `generic` is Alertmanager's form, signed by Standard Webhooks. */
    source: "alertmanager" | "grafana" | "datadog" | "pagerduty" | "generic";
    /** Whether the sender shows the secret in the Authorization header, or signs with it. */
    authentication: "secret" | "signature";
    /** `shadow` records what alerts would close, `enforce` closes it. */
    mode: "shadow" | "enforce";
    featureId: string | null;
    /** Every alert closes all features with this tag. */
    tag: string | null;
    /** The label of an alert that names the feature to close. */
    featureLabel: string;
    /** The label of an alert that names the tag to close. */
    tagLabel: string;
    allowedFeatures: string[];
    /** An alert may name one of these tags, or a feature that has one of them. */
    allowedTags: string[];
    version: number;
    createdAt: string;
    createdBy: string;
    updatedAt: string;
    updatedBy: string;
    /** When a request was refused last, to ten seconds; null: never. */
    refusedAt: string | null;
    /** Why, for whoever sets the sender up. */
    refusal: string | null;
};
export type Condition = {
    attribute: string;
    operator: "equals";
    value: string | number | boolean;
} | {
    attribute: string;
    operator: "in";
    values: (string | number | boolean)[];
} | {
    attribute: string;
    operator: "startsWith" | "endsWith" | "contains";
    value: string;
} | {
    attribute: string;
    operator: "lessThan" | "atMost" | "greaterThan" | "atLeast";
    value: number;
} | {
    attribute: string;
    operator: "versionEquals" | "versionLessThan" | "versionAtMost" | "versionGreaterThan" | "versionAtLeast";
    value: string;
} | {
    segment: string;
    operator?: "segment";
} | {
    operator: "and" | "or";
    conditions: Condition[];
} | {
    operator: "not";
    condition: Condition;
};
export type Feature = {
    /** Name of the feature: letters, digits and `_ . : / -`. */
    featureId: string;
    /** Whether the feature is open. A closed feature is off for everybody. */
    enabled: boolean;
    /** Share of all units that gets the feature, in basis points. */
    rolloutBps: number;
    /** Share of all units that is kept without the feature for comparison, in basis points. */
    holdoutBps?: number;
    /** Number of times a person opened the feature. Evidence never crosses epochs. */
    epoch?: number;
    /** Number of changes of the feature and its rule. The admin API's ETag. */
    version: number;
    /** Who is assigned and counted: `visitor` is the browser that has the cookie, whoever signs in. `user` is the signed-in user (`UNIT_FROM`); for everybody else the feature is off, and nothing is counted. */
    unit?: "visitor" | "user";
    /** What the feature does at an edge whose snapshot is older than `MAX_STALE_MS`: `static` keeps it as it was, `closed` closes it. */
    failureMode?: "static" | "closed";
    /** Whether only holders of a server key and of a preview link hear of the feature by `/.sluice/explain`, `/.sluice/overlay` and OpenFeature. Pages and the upstream get it as any other. */
    "private"?: boolean;
    targeting?: Condition | null;
    /** Where the feature applies. None: everywhere. */
    routes?: {
        /** `/products/:id`, `/shop/*` or a plain path. Every spelling of the path is matched. */
        path: string;
        /** HTTP methods. None: all of them. */
        methods?: string[];
        /** Whether `/Shop` and `/shop` are different pages of the site. Without it they are the same. */
        caseSensitive?: boolean;
    }[];
    /** What the feature does to a request beyond the header for the upstream. `null`: only the header. */
    gate?: {
        /** Another upstream, for units that get the feature. */
        upstream?: string;
        /** Another path, for units that get the feature. `:name` and `*` stand for what the route matched. A request whose route matched nothing under such a name keeps its path. */
        path?: string;
        /** The answer for units that do not get the feature, on its routes. It needs routes: without them it would close the whole site. */
        whenClosed?: {
            /** Answer 404. */
            action: "notFound";
        } | {
            /** Answer with a redirect. */
            action: "redirect";
            /** Where the redirect leads: a path of the site or an http(s) URL. */
            to: string;
            /** Status of the redirect. It is never a permanent one, since the feature may open any time. */
            status?: 302 | 303 | 307;
        };
        /** Edits of HTML pages on the feature's routes. */
        html?: {
            /** Shows elements with `data-feature="<feature id>"` to units that get the feature, and removes them for others. */
            elements?: boolean;
            /** Tells the page's scripts, by `<script type="application/json" id="sluice-flags">` in the head. */
            flags?: boolean;
        };
    } | null;
    /** The request that counts as the unit's activation. `null`: only spans and page events tell it. */
    activation?: {
        /** Path of the request, as in a route. */
        path: string;
        /** HTTP method of the request. */
        method?: string;
        /** Status of the upstream's answer. Without it any status below 400 counts. */
        status?: number;
    } | null;
    /** The segments that the targeting is made of, also through others. */
    segments: string[];
    /** The installation's revision that this state is of. */
    revision: number;
    epochStartedAt: string;
    tags: string[];
    requires: string[];
    owner: string | null;
    description: string | null;
    link: string | null;
    removeAfter: string | null;
    lockdown: boolean;
    /** Rollout at the last rollback; enabling again goes back to it. */
    rolloutBeforeBps: number | null;
    rollbackReason: string | null;
    /** Set while the feature is rolled back and no person has opened it again. */
    rolledBackAt: string | null;
    createdAt: string;
    updatedAt: string;
    /** null: it has no rule. */
    ruleVersion: number | null;
    /** The configuration file that owns the feature; null: none does. */
    managedBy: {
        /** Names the set of files. */
        source: string;
        file: string;
        appliedAt: string;
        /** What was changed since by other means; the next apply takes it back. */
        drift: {
            field: string;
            file?: any;
            now?: any;
        }[];
    } | null;
    /** What may not be expected, each in a sentence. */
    warnings?: string[];
};
export type Standing = {
    /** Exposed units that the trial counts. */
    cohorts: {
        treatment: number;
        holdout: number;
    };
    /** New units of treatment, at the rate of the last day. */
    perDay: number;
    /** Part of the way to the next decision, or alarm, from 0 to 1. */
    nearness: number | null;
    /** Of the newest evaluations of the epoch that have one, the newest last. */
    scores: number[];
    signals: {
        signal: "activation" | "retention" | "latency" | "errorRate";
        against: "threshold" | "holdout" | "both";
        threshold: number;
        /** At the longest age that anybody has reached. */
        rate: number | null;
        holdoutRate: number | null;
        /** Mature units, or requests, of treatment. */
        n: number;
        /** 95 %, and it holds at every look at once. */
        interval: {
            lower: number;
            upper: number;
        } | null;
        /** Whether there are enough units for it to decide. */
        counts: boolean;
        /** Part of the way of the evidence to its bar, from 0 to 1, of logarithms. */
        rollback: number;
        /** Part of the way of the evidence to its bar, from 0 to 1, of logarithms. */
        keep: number | null;
    }[];
    rollback: {
        /** Part of the way of the evidence to its bar, from 0 to 1, of logarithms. */
        progress: number;
        /** null: it is not in sight. */
        expected: {
            signal: "activation" | "retention" | "latency" | "errorRate";
            /** Further mature units, or requests, at the rate seen so far. */
            more: number;
            "of": "units" | "requests";
            /** At the last day's traffic; null: that cannot be said. */
            seconds: number | null;
        } | null;
    } | null;
    keep: {
        /** Part of the way of the evidence to its bar, from 0 to 1, of logarithms. */
        progress: number;
        /** null: it is not in sight. */
        expected: {
            signal: "activation" | "retention" | "latency" | "errorRate";
            /** Further mature units, or requests, at the rate seen so far. */
            more: number;
            "of": "units" | "requests";
            /** At the last day's traffic; null: that cannot be said. */
            seconds: number | null;
        } | null;
    } | null;
    /** What is not there yet, each in a sentence. */
    missing: string[];
    /** The newest request or exposure, to the width of a bucket. */
    telemetryAt: string | null;
    /** The last look, with or without a change. */
    checkedAt: string | null;
};
export type ListedFeature = Feature & {
    /** Of its rule; null: it has none. */
    mode: ("shadow" | "enforce" | null) | ("shadow" | "enforce" | null);
    /** Of the present epoch; null: it was not evaluated yet. */
    verdict: {
        state: string;
        action: string;
        mode: string;
        sentence: string;
        at: string;
    } | null;
    standing: Standing | null;
    /** Of its rule; null: the rule has none. */
    ramp: {
        stagesBps: number[];
        minStageSeconds: number;
        /** When the rollout became what it is. */
        since: string | null;
        paused: boolean;
    } | null;
    /** Schedules that are planned, the next first. */
    schedules: {
        scheduleId: string;
        at: string;
        localTime: string;
        zone: string;
        change: {
            kind: string;
            [key: string]: any;
        };
        madeBy: string;
    }[];
};
export type Approval = {
    approvalId: string;
    /** `approved`: it is being carried out. `stale`: a feature changed first. */
    state: "open" | "approved" | "applied" | "rejected" | "withdrawn" | "stale" | "failed" | "expired";
    /** Of the change and the versions that it is about. */
    hash: string;
    /** What is carried out, in full; `policy` sets the policy itself. */
    change: {
        kind: string;
        [key: string]: any;
    };
    /** The versions that it is about; null: a new feature. */
    base: {
        featureId: string | null;
        version: number | null;
    }[];
    /** What it does to each field. */
    diff: {
        featureId: string | null;
        field: string;
        "from"?: any;
        to?: any;
    }[];
    featureIds: string[];
    /** The tags of the policy that ask for it. */
    tags: string[];
    reason: string;
    askedBy: string;
    askedAt: string;
    expiresAt: string;
    decidedBy: string | null;
    decidedAt: string | null;
    decisionReason: string | null;
    /** The revision, what has moved, or why it could not be carried out. */
    outcome: {
        [key: string]: any;
    } | {
        [key: string]: any;
    };
};
export type Segment = {
    segmentId: string;
    /** Whom it names: a condition as in a feature's targeting. It may name other segments. */
    condition: Condition;
    /** What it is for, at most 2,000 characters. */
    description: string | null;
    /** Number of its changes. The ETag. */
    version: number;
    createdAt: string;
    updatedAt: string;
    /** Features whose targeting it is part of, also through other segments. */
    features: {
        featureId: string;
        enabled: boolean;
        /** It is open and has a rule: people are counted. */
        onTrial: boolean;
    }[];
    /** Segments that name it. */
    usedBy: string[];
    /** The configuration file that owns the segment; null: none does. */
    managedBy: {
        /** Names the set of files. */
        source: string;
        file: string;
        appliedAt: string;
        /** What was changed since by other means; the next apply takes it back. */
        drift: {
            field: string;
            file?: any;
            now?: any;
        }[];
    } | null;
    /** Of the change that this answers: all features changed at this one. */
    revision?: number;
    /** The features that changed with it. */
    changed?: {
        featureId: string;
        version: number;
    }[];
    /** What may not be expected, each in a sentence. */
    warnings?: string[];
};
export type TargetingTrace = {
    /** Whether the request meets it. */
    holds: boolean;
    condition?: Condition;
    /** What the request has of the condition's attribute; none: it lacks it. */
    values?: string[];
    /** The condition stands in this segment. */
    segment?: string;
    operator?: "and" | "or" | "not";
    conditions?: TargetingTrace[];
    within?: TargetingTrace;
};
export type EvaluationFor = {
    featureId: string;
    version: number;
    /** Who is assigned; null: the request has no unit. */
    unit: string | null;
    /** Of the feature, for everybody. */
    state: "open" | "closed" | "stale";
    cohort: "treatment" | "holdout" | "off";
    /** Whether the unit gets the feature. */
    open: boolean;
    /** 0 to 9999; null: there is no unit. */
    bucket: number | null;
    why: "preview" | "closed" | "stale" | "route" | "notTargeted" | "noUnit" | "bucket";
    /** The same in words. */
    reason: string;
    targeting?: TargetingTrace | null;
};
export type Rule = {
    /** The feature that the rule is about. */
    featureId: string;
    /** Share of exposed units that act within `activationWindowSeconds`. At 0 the signal is not tested. */
    activationThreshold: number;
    /** Share of exposed units that come back within `retentionWindowSeconds`. At 0 the signal is not tested. */
    retentionThreshold: number;
    /** Milliseconds. At most 5 % of the requests may take longer. */
    latencyP95Threshold: number;
    /** Units in treatment before a signal decides: mature ones for activation and retention, exposed ones for latency and errors. */
    minCohortSize: number;
    /** Deadline of a decision, counted from the beginning of the trial. */
    evaluationWindowSeconds: number;
    /** `shadow` records decisions. `enforce` also carries them out. */
    mode?: "shadow" | "enforce";
    /** How long after its first exposure a unit may act. */
    activationWindowSeconds?: number;
    /** How long after its first exposure a unit may come back. */
    retentionWindowSeconds?: number;
    /** A return is a visit at least this long after the first exposure. */
    returnAfterSeconds?: number;
    /** α: the chance, over the feature's whole life, of rolling back a feature that meets its thresholds. */
    falseRollbackRate?: number;
    /** Beta prior of the activation rate from history. With it a Beta mixture replaces the grid of guesses. */
    prior?: {
        /** As if this many units had acted before. */
        alpha: number;
        /** As if this many units had not acted before. */
        beta: number;
    };
    /** The requests whose latency is judged. Assets never are. */
    latency?: {
        /** `documents`: pages only. `all`: pages and the calls of their scripts. */
        "of"?: "all" | "documents";
    };
    /** Share of requests that may fail. Beside a holdout failed and unfinished requests are compared with it in any case. The error rate shares latency's part of the false-rollback rate. */
    errorRateThreshold?: number;
    /** What each signal is tested against. Where it is not named and there is a holdout: `both`, and the error rate `holdout`. Without a holdout: `threshold`. */
    compare?: {
        /** Whether activation is tested against the threshold, against the holdout, or against both. */
        activation?: "threshold" | "holdout" | "both";
        /** Whether retention is tested against the threshold, against the holdout, or against both. */
        retention?: "threshold" | "holdout" | "both";
        /** Whether latency is tested against the threshold, against the holdout, or against both. */
        latency?: "threshold" | "holdout" | "both";
        /** Whether the error rate is tested against the threshold, against the holdout, or against both. */
        errorRate?: "threshold" | "holdout" | "both";
    };
    /** `throttle` goes back one stage of the ramp first. At the first stage it closes the feature. */
    onFailure?: "rollback" | "throttle";
    /** What happens to a feature that is undecided at the deadline. */
    onDeadline?: "extend" | "rollback";
    /** Stages by which the rollout rises by itself in `enforce` mode. */
    ramp?: {
        /** Rollout of each stage in basis points, strictly rising. */
        stagesBps: number[];
        /** A stage lasts at least this long. */
        minStageSeconds: number;
    };
    /** What the rule cannot do at today's traffic. */
    warnings?: string[];
};
export type Dependents = {
    featureId: string;
    requires: {
        featureId: string;
        enabled: boolean;
    }[];
    /** The nearest first. */
    requiredBy: {
        featureId: string;
        /** Those that are open close with the feature. */
        enabled: boolean;
        rolloutBps: number;
        /** false: it requires one that requires the feature. */
        directly: boolean;
    }[];
};
export type ApprovalPolicy = {
    /** 0: none was ever set. */
    version: number;
    tags: string[];
    at: string | null;
    actor: string | null;
    reason: string | null;
    /** Who approved it, or that it was forced. */
    details: {
        [key: string]: any;
    };
    /** The last 100, the newest first. */
    history: {
        version: number;
        tags: string[];
        at: string | null;
        actor: string | null;
        reason: string | null;
        details: {
            [key: string]: any;
        };
    }[];
};
export type Schedule = {
    scheduleId: string;
    version: number;
    featureId: string;
    change: {
        kind: string;
        [key: string]: any;
    };
    /** The instant, in UTC. */
    at: string;
    /** As it was given. */
    localTime: string;
    zone: string;
    graceSeconds: number;
    state: "planned" | "done" | "skipped" | "failed" | "cancelled";
    /** What became of it, in a sentence. */
    note: string | null;
    reason: string;
    madeBy: string;
    madeAt: string;
    /** The feature's version when it was made. */
    baseVersion: number;
    /** Its version now; null: it is gone. */
    featureVersion: number | null;
    /** Who approved it, or that it was forced; null: nobody had to. */
    permission: {
        [key: string]: any;
    } | {
        [key: string]: any;
    };
    attempts: number;
    /** Of an attempt that is made again. */
    lastError: string | null;
    finishedAt: string | null;
    /** Who cancelled it. */
    finishedBy: string | null;
    outcome: {
        [key: string]: any;
    } | {
        [key: string]: any;
    };
};
export type Decision = {
    action: "KEEP" | "ROLLBACK" | "WAIT";
    state: "COLLECTING" | "TESTING" | "UNDECIDED" | "KEEP" | "WATCH" | "ROLLBACK" | "INVALID";
    /** Proven to meet every threshold. */
    isValid: boolean;
    /** Reported, and not decided on. */
    score: number | null;
    details: {
        activation: number | null;
        retention: number | null;
        /** Milliseconds. */
        p95_latency: number | null;
        error_rate: number | null;
        exposed: {
            treatment: number;
            holdout: number;
        };
    };
    evidence: {
        tests: {
            signal: "activation" | "retention" | "latency" | "errorRate";
            against: "threshold" | "holdout" | "both";
            /** Age at which outcomes count; null of requests. */
            ageSeconds: number | null;
            threshold: number;
            /** Of `n` units or requests, `s` succeeded (of latency and errors: were bad). */
            treatment: {
                n: number;
                s: number;
            };
            /** Of `n` units or requests, `s` succeeded (of latency and errors: were bad). */
            holdout: {
                n: number;
                s: number;
            } | null;
            /** Exposed units that are not that old yet. */
            immature: number | null;
            /** Exposed units that never count: rollout or holdout was lowered before they were that old. Not in evaluations of earlier versions. */
            leftOut?: number | null;
            rate: number | null;
            /** Natural logarithm of the evidence. */
            logEvidence: number | null;
            /** Natural logarithm of the bar that it has to reach. */
            logBar: number | null;
            comparison: {
                /** Natural logarithm of the evidence. */
                logEvidence: number | null;
                /** Natural logarithm of the bar that it has to reach. */
                logBar: number | null;
            } | null;
            onlyTreatment: {
                /** Natural logarithm of the evidence. */
                logEvidence: number | null;
                /** Natural logarithm of the bar that it has to reach. */
                logBar: number | null;
            } | null;
            /** Since the feature was kept: the detector of a later fall. */
            alarm: {
                /** Natural logarithm of the evidence. */
                logEvidence: number | null;
                /** Natural logarithm of the bar that it has to reach. */
                logBar: number | null;
                comparison: {
                    /** Natural logarithm of the evidence. */
                    logEvidence: number | null;
                    /** Natural logarithm of the bar that it has to reach. */
                    logBar: number | null;
                } | null;
                /** Of `n` units or requests, `s` succeeded (of latency and errors: were bad). */
                treatment: {
                    n: number;
                    s: number;
                };
                /** Of `n` units or requests, `s` succeeded (of latency and errors: were bad). */
                holdout: {
                    n: number;
                    s: number;
                } | null;
            } | null;
            /** Whether there are enough units for it to decide. */
            counts: boolean;
        }[];
        keep: {
            signal: "activation" | "retention" | "latency" | "errorRate";
            /** Natural logarithm of the evidence. */
            logEvidence: number | null;
            /** Natural logarithm of the bar that it has to reach. */
            logBar: number | null;
            counts: boolean;
        }[];
        sampleRatio: {
            /** Natural logarithm of the evidence. */
            logEvidence: number | null;
            /** Natural logarithm of the bar that it has to reach. */
            logBar: number | null;
        } | null;
    };
    /** In the order of `evidence.tests`. Not in evaluations of earlier versions. */
    explained?: {
        signal: "activation" | "retention" | "latency" | "errorRate";
        ageSeconds: number | null;
        /** Of the rate, at 95 % at any moment. */
        interval: {
            lower: number;
            upper: number;
        } | null;
        /** Relative difference to the holdout. */
        lift: {
            lower: number;
            upper: number;
        } | null;
    }[];
    /** The signals that rolled the feature back. */
    cause: ("activation" | "retention" | "latency" | "errorRate")[];
    /** Would be decided, but not without the units of unusual hours. */
    heldBack?: "KEEP" | "ROLLBACK";
    reason: string;
    epoch: number;
    ruleVersion: number;
};
export type Evaluation = {
    id: number;
    at: string;
    epoch: number;
    ruleVersion: number;
    mode: "shadow" | "enforce";
    action: string;
    state: string;
    decision: Decision;
};
export type Signals = {
    featureId: string;
    epoch: number;
    cohorts: {
        treatment: {
            exposed: number;
        };
        holdout: {
            exposed: number;
        };
    };
    botRequests: number;
    /** Spans that were taken and are not counted, by reason. */
    notCounted: {
        [key: string]: number;
    };
    /** What waits because it cannot be counted. */
    setAside?: {
        spans: number;
        since: string;
        reason: string;
    };
    ruleWarnings?: string[];
    /** Hours of the trial in which units came in another way than usual: ten times as many (crowd), units that send nothing again (seen-once), many of one network (one-network). `usual` is the number of units, or the share of those seen again or of the largest network. */
    anomalies?: {
        "from": string;
        kind: "crowd" | "seen-once" | "one-network";
        units: number;
        seenAgain: number;
        largestNetwork: number;
        usual: number;
    }[];
    note?: string;
    /** The last look, with or without a change. */
    checkedAt: string | null;
    latest: Evaluation | null;
};
export type Latency = {
    featureId: string;
    epoch: number;
    /** null: it has no rule. */
    thresholdMs: number | null;
    /** null: it has no trial yet. */
    treatment: {
        requests: number;
        /** Requests that took longer than the threshold. */
        above: number | null;
        p50Ms: number | null;
        p95Ms: number | null;
        p99Ms: number | null;
    } | null;
    holdout: {
        requests: number;
        /** Requests that took longer than the threshold. */
        above: number | null;
        p50Ms: number | null;
        p95Ms: number | null;
        p99Ms: number | null;
    } | null;
    /** Requests by duration, four buckets for each doubling, without a gap. */
    buckets: {
        fromMs: number;
        toMs: number;
        treatment: number;
        holdout: number;
    }[];
};
export type AuditEntry = {
    seq: number;
    at: string;
    actor: string;
    action: string;
    /** Of a change of a segment: `segment:` and its id. */
    featureId: string;
    reason: string;
    version: number;
    epoch: number;
    revision: number;
    /** What the kind of change adds, and by whose leave: `approval`, `schedule`, `evidence`, `config`, `forced`. */
    details: {
        /** What the change did to each field; `feature` where it came or went as a whole. Not in entries of earlier versions. */
        diff?: {
            field: string;
            "from"?: any;
            to?: any;
        }[];
        [key: string]: any;
    };
    /** Of a rollback; null: it is none. `evidence`: Sluice's own decision. `alert`: an alerting system, by a hook. `dependency`: a feature that it requires was closed. `edge`: an edge held it closed, and the database had forgotten it. `person`: by hand. */
    cause: ("evidence" | "alert" | "dependency" | "edge" | "person" | null) | ("evidence" | "alert" | "dependency" | "edge" | "person" | null);
    /** Hexadecimal; the next entry's hash covers it. */
    hash: string;
};
export type AuditVerdict = {
    ok: true;
    "from": number;
    to: number;
    rows: number;
    hash: string;
} | {
    ok: false;
    /** The first broken entry. */
    seq: number;
    fault: "missing" | "unlinked" | "altered" | "headMismatch" | "lost";
};
export type Why = {
    featureId: string;
    version: number;
    epoch: number;
    enabled: boolean;
    rolloutBps: number;
    holdoutBps: number;
    rolledBackAt: string | null;
    rollbackReason: string | null;
    owner: string | null;
    description: string | null;
    link: string | null;
    removeAfter: string | null;
    lockdown: boolean;
    /** The configuration file that owns the feature; null: none does. */
    managedBy: {
        /** Names the set of files. */
        source: string;
        file: string;
        appliedAt: string;
        /** What was changed since by other means; the next apply takes it back. */
        drift: {
            field: string;
            file?: any;
            now?: any;
        }[];
    } | null;
    /** null: it has no rule. */
    mode: ("shadow" | "enforce" | null) | ("shadow" | "enforce" | null);
    /** The verdict, or why there is none, in one sentence. */
    summary: string;
    /** null: it was not evaluated in this epoch. */
    verdict: {
        state: "COLLECTING" | "TESTING" | "UNDECIDED" | "KEEP" | "WATCH" | "ROLLBACK" | "INVALID";
        action: "KEEP" | "ROLLBACK" | "WAIT";
        sentence: string;
        mode: "shadow" | "enforce";
        ruleVersion: number;
        at: string;
    } | null;
    /** The last look, with or without a change. */
    checkedAt: string | null;
    signals: {
        signal: "activation" | "retention" | "latency" | "errorRate";
        against: "threshold" | "holdout" | "both";
        ageSeconds: number | null;
        threshold: number;
        rate: number | null;
        interval: {
            lower: number;
            upper: number;
        } | null;
        /** Relative difference to the holdout. */
        lift: {
            lower: number;
            upper: number;
        } | null;
        /** Of `n` units or requests, `s` succeeded (of latency and errors: were bad). */
        treatment: {
            n: number;
            s: number;
        };
        holdout: {
            n: number;
            s: number;
        } | null;
        immature: number | null;
        /** Whether there are enough units for it to decide. */
        counts: boolean;
        /** By everything that the trial has counted. */
        rollback: {
            evidence: string;
            needed: string;
            logEvidence: number | null;
            logBar: number | null;
            /** Part of the way to the bar, from 0 to 1, of logarithms. */
            progress: number;
            besideHoldout: {
                evidence: string;
                needed: string;
                logEvidence: number | null;
                logBar: number | null;
            } | null;
        };
        /** Whether it has fallen since the feature was kept, which alone counts from then on. */
        sinceKept: {
            evidence: string;
            needed: string;
            logEvidence: number | null;
            logBar: number | null;
            /** Part of the way to the bar, from 0 to 1, of logarithms. */
            progress: number;
            besideHoldout: {
                evidence: string;
                needed: string;
                logEvidence: number | null;
                logBar: number | null;
            } | null;
            /** Of `n` units or requests, `s` succeeded (of latency and errors: were bad). */
            treatment: {
                n: number;
                s: number;
            };
            holdout: {
                n: number;
                s: number;
            } | null;
        } | null;
        keep: {
            evidence: string;
            needed: string;
            logEvidence: number | null;
            logBar: number | null;
        } | null;
    }[];
    rollback: {
        sentence: string;
        /** null: it is not in sight. */
        expected: {
            signal: "activation" | "retention" | "latency" | "errorRate";
            /** Further mature units, or requests, at the rate seen so far. */
            more: number;
            "of": "units" | "requests";
            /** At the last day's traffic; null: that cannot be said. */
            seconds: number | null;
        } | null;
    };
    keep: {
        sentence: string;
        /** null: it is not in sight. */
        expected: {
            signal: "activation" | "retention" | "latency" | "errorRate";
            /** Further mature units, or requests, at the rate seen so far. */
            more: number;
            "of": "units" | "requests";
            /** At the last day's traffic; null: that cannot be said. */
            seconds: number | null;
        } | null;
    };
    cohorts: {
        treatment: {
            exposed: number;
            /** New units, of the last day. */
            perDay: number;
        };
        holdout: {
            exposed: number;
            /** New units, of the last day. */
            perDay: number;
        };
    };
    /** null: there is no holdout, or nothing to compare yet. */
    sampleRatio: {
        /** The shares of the cohorts are as they are since then. */
        since: string;
        /** Share of treatment among both cohorts. */
        expected: number;
        observed: number;
        treatment: number;
        holdout: number;
        /** It holds at every look. */
        pValue: number;
        /** So unlikely that nothing is decided any more. */
        isMismatch: boolean;
    } | null;
    /** null: the rule has no ramp. */
    ramp: {
        stagesBps: number[];
        minStageSeconds: number;
        paused: boolean;
        /** Since when it is at its stage; null: not known yet. */
        since: string | null;
        /** null: it is at the last stage. */
        nextBps: number | null;
        /** The stage's least time is over then. */
        readyAt: string | null;
        /** What the next step waits for. */
        reason: string;
    } | null;
    /** To the width of a bucket. */
    newestExposureAt: string | null;
    /** What is not there yet, each in a sentence. */
    missing: string[];
    /** What should be looked at, each in a sentence. */
    warnings: string[];
    /** Schedules that are planned, the next first. */
    schedules: {
        scheduleId: string;
        at: string;
        localTime: string;
        zone: string;
        change: {
            kind: string;
            [key: string]: any;
        };
        madeBy: string;
    }[];
    notCounted: {
        [key: string]: number;
    };
    botRequests: number;
    telemetry: {
        region: string;
        seenAt: string;
        droppedSpans: number;
        waitsFrom: string | null;
    }[];
};
export type Annotation = {
    annotationId: string;
    at: string;
    title: string;
    link: string | null;
    tags: string[];
    features: string[];
    madeBy: string;
    madeAt: string;
};
export type ErrorBudget = {
    /** Trials that began to be judged in enforce mode. */
    launches: number;
    /** At most so many good features are expected to be rolled back. */
    alpha: number;
};
export type Forecast = {
    signals: {
        signal: "activation" | "retention" | "latency" | "errorRate";
        against: "threshold" | "holdout" | "both";
        threshold: number;
        windowSeconds: number;
        bar: number;
        rollback: {
            /** The true rate as a part of the threshold. */
            ratio: number;
            rate: number;
            users: number | null;
            seconds: number | null;
            withinDeadline: boolean;
        }[];
        keep: {
            /** The true rate as a part of the threshold. */
            ratio: number;
            rate: number;
            users: number | null;
            seconds: number | null;
            withinDeadline: boolean;
        }[];
        smallestDetectable: number | null;
    }[];
    errorBudget: ErrorBudget;
};
export type Calibration = {
    featureId: string;
    epoch: number;
    ruleVersion: number;
    mode: "shadow" | "enforce";
    signals: {
        signal: "activation" | "retention" | "latency" | "errorRate";
        against: "threshold" | "holdout" | "both";
        /** Of `n` units or requests, `s` succeeded (of latency and errors: were bad). */
        seen: {
            n: number;
            s: number;
        };
        isConclusive: boolean;
        current: {
            threshold: number;
            [key: string]: any;
        };
        replays: {
            threshold: number;
            [key: string]: any;
        }[];
        strictestQuiet: number | null;
    }[];
};
export type Review = {
    since: string;
    until: string;
    terms: {
        openDays: number;
        engagementBelow: number;
        minUnits: number;
        decidedDays: number;
        undecidedDays: number;
    };
    prices: {
        currency: string;
        perMillionRequests: {
            value: number | null;
            source: string;
        };
        perUpstreamHour: {
            value: number | null;
            source: string;
        };
    };
    openFeatures: number;
    /** Each list has its first hundred. */
    totals: {
        rolledBack: number;
        undecided: number;
        removable: number;
        zombies: number;
        quiet: number;
    };
    rolledBack: {
        featureId: string;
        owner: string | null;
        at: string;
        actor: string;
        reason: string;
        revision: number;
        /** The tests whose evidence rolled it back; empty where no evidence did. */
        signals: {
            signal: string;
            threshold: number;
            treatment: {
                n: number;
                s: number;
            };
            holdout: {
                n: number;
                s: number;
            } | null;
            logEvidence: number | null;
            logBar: number | null;
        }[];
        alert: {
            hook: string;
            title: string;
            link: string | null;
        } | null;
        isOpenAgain: boolean;
    }[];
    undecided: {
        featureId: string;
        owner: string | null;
        /** Whole days since the feature was opened. */
        openDays: number;
        /** null: it was not evaluated since it was opened. */
        state: string | null;
        why: string;
        missing: string[];
        rollback: string | null;
        keep: string | null;
        /** Until the sooner of both decisions; null: none is in sight. */
        expectedSeconds: number | null;
    }[];
    removable: {
        featureId: string;
        owner: string | null;
        cause: "removeAfter" | "kept" | "openForAll";
        why: string;
    }[];
    zombies: {
        featureId: string;
        owner: string | null;
        /** Whole days since the feature was opened. */
        openDays: number;
        engagement: {
            /** `return` where nothing tells an activation: the share that comes back. */
            by: "activation" | "return";
            /** The newest units of treatment whose window is over. */
            units: number;
            engaged: number;
            rate: number;
            /** What the rate is at most, at 95 %. */
            atMost: number;
            windowSeconds: number;
        };
        burn: {
            /** Requests of treatment that were followed to their end: at least so many there were. */
            requests: {
                value: number | null;
                /** Why it is not known; null: it is. */
                why: string | null;
            };
            latency: {
                /** Treatment beyond the holdout, since the trial began. */
                value: {
                    meanMs: number;
                    p95Ms: number;
                    treatmentRequests: number;
                    holdoutRequests: number;
                } | null;
                /** Why it is not known; null: it is. */
                why: string | null;
            };
            requestCost: {
                value: number | null;
                /** Why it is not known; null: it is. */
                why: string | null;
            };
            latencyCost: {
                value: number | null;
                /** Why it is not known; null: it is. */
                why: string | null;
            };
        };
    }[];
    /** Open for long, and met by too few people to tell whether they engage. */
    quiet: {
        featureId: string;
        owner: string | null;
        /** Whole days since the feature was opened. */
        openDays: number;
        units: number;
        why: string;
    }[];
};
export type Plan = {
    /** Of the files and of the versions that the plan is based on. */
    hash: string;
    source: string;
    /** Whether an apply would change anything. */
    changed: boolean;
    counts: {
        create: number;
        update: number;
        "delete": number;
        adopt: number;
        release: number;
        unchanged: number;
    };
    /** Segments that change, and those of which there is something to say. */
    segments: {
        segmentId: string;
        file: string | null;
        action: "create" | "update" | "delete" | "adopt" | "release" | "keep";
        changes: {
            field: string;
            /** null: there is none. */
            "from"?: any;
            /** null: there is none. */
            to?: any;
            /** `hand`: it was changed by other means since the last apply, and the file takes it back. */
            by: "file" | "hand";
        }[];
        /** Features whose targeting changes with it, of any owner. */
        features: string[];
        notes: string[];
        warnings: string[];
    }[];
    /** Features that change, and those of which there is something to say. */
    features: {
        featureId: string;
        file: string | null;
        /** `adopt`: only its owner changes. `keep`: nothing does, and `notes` say why not. */
        action: "create" | "update" | "delete" | "adopt" | "release" | "keep";
        /** None where its targeting changes with a segment: `notes` name the segment. */
        changes: {
            field: string;
            /** null: there is none. */
            "from"?: any;
            /** null: there is none. */
            to?: any;
            /** `hand`: it was changed by other means since the last apply, and the file takes it back. */
            by: "file" | "hand";
        }[];
        /** What the file does not change, and why. */
        notes: string[];
        warnings: string[];
        /** What visitors notice; null: nothing. */
        visitors: string | null;
    }[];
    base: {
        featureId: string;
        version: number | null;
    }[];
    baseSegments: {
        segmentId: string;
        version: number | null;
    }[];
};
export type Edges = {
    /** The newest committed revision. */
    revision: number;
    edges: {
        url: string;
        revision: number | null;
        /** Confirmed by the hub and by every region of the newest answer. */
        completeRevision: number;
        /** Committed changes that some region of it has not confirmed. No more than 1,000 are counted. */
        missingChanges: number;
        /** When the oldest of them was committed; null: it lacks none. */
        missingSince: string | null;
        regions: {
            region: string;
            revision: number;
            ms: number;
        }[];
        confirmedAt: string | null;
        failingSince: string | null;
        attempts: number;
        lastError: string | null;
    }[];
    telemetry: {
        region: string;
        seenAt: string;
        droppedSpans: number;
        /** People of this region are held back from here on, because it was not heard of. */
        waitsFrom: string | null;
    }[];
};
export type DeadLetter = {
    kind: "message" | "edge";
    target: string;
    revision: number | null;
    failingSince: string;
    attempts: number;
    lastError: string | null;
};
export type FeatureDelivery = {
    featureId: string;
    /** The kind of the feature's newest change. */
    action: string;
    reason: string;
    actor: string;
    revision: number;
    /** When the change was committed. */
    at: string;
    /** When the last edge had it; null: not everywhere yet, or there is no edge. */
    everywhereAfterMs: number | null;
    edges: {
        edge: string;
        /** `closed`: the close has arrived alone, ahead of the rest of its revision. */
        state: "confirmed" | "closed" | "waiting";
        /** Milliseconds from the commit by the database's clock; null: not yet. */
        afterMs: number | null;
        failingSince: string | null;
        attempts: number;
        lastError: string | null;
        regions: {
            region: string;
            revision: number;
            /** Milliseconds from the commit by the database's clock; null: not yet. */
            afterMs: number | null;
            /** First heard of with a later revision: its time says nothing of this change. */
            joinedLater: boolean;
        }[];
    }[];
};
export type Receipt = {
    receipt: {
        featureId: string;
        rollback: {
            seq: number;
            reason: string;
            revision: number;
            [key: string]: any;
        };
        lineage: string | null;
        complete: boolean;
        missingEdges: string[];
        confirmations: {
            edge: string;
            region: string;
            revision: number;
            ms: number;
            confirmedAt: string;
            msAfterCommit: number;
        }[];
    };
    /** `t=…,kid=…,v1=…`, by the first of PUSH_KEYS. */
    signature: string;
};
export type Health = {
    /** The worst of all findings. */
    status: "ok" | "warning" | "unknown" | "failing";
    at: string;
    version: string;
    node: string;
    findings: {
        /** One word, such as `database` or `edges`. */
        check: string;
        /** `unknown`: it could not be checked. */
        status: "ok" | "warning" | "unknown" | "failing";
        /** An edge, a region, a feature, a variable. */
        subject?: string;
        summary: string;
        /** What to do. */
        todo?: string;
    }[];
};
export type NotificationTarget = {
    name: string;
    "type": "slack" | "webhook" | "email";
    /** Without what is secret in it. */
    address: string;
    events: string[] | null;
    features: string[] | null;
    tags: string[] | null;
    enabled: boolean;
    /** A variable of the origin made it (`SLACK_WEBHOOK_URL`), and changes it alone. */
    fromEnvironment: boolean;
    version: number;
    /** Until then the secret before the present one signs too. */
    previousSecretUntil: string | null;
    createdAt: string;
    createdBy: string;
    updatedAt: string;
    updatedBy: string;
    /** News that waits for it; at most 10,000 are counted. */
    queued: number;
    /** News that it was never told: refused three times, or older than a day. */
    dropped: number;
    lastSuccessAt: string | null;
    /** null: the last message was taken. */
    failingSince: string | null;
    lastError: string | null;
    /** Failed attempts to send the present message. */
    attempts: number;
    /** Not before then. */
    nextAttemptAt: string;
};
export type NotificationTargets = {
    targets: NotificationTarget[];
};
export type NewNotificationTarget = {
    name: string;
    "type": "slack" | "webhook" | "email";
    /** Without what is secret in it. */
    address: string;
    events: string[] | null;
    features: string[] | null;
    tags: string[] | null;
    enabled: boolean;
    /** A variable of the origin made it (`SLACK_WEBHOOK_URL`), and changes it alone. */
    fromEnvironment: boolean;
    version: number;
    /** Until then the secret before the present one signs too. */
    previousSecretUntil: string | null;
    createdAt: string;
    createdBy: string;
    updatedAt: string;
    updatedBy: string;
    /** News that waits for it; at most 10,000 are counted. */
    queued: number;
    /** News that it was never told: refused three times, or older than a day. */
    dropped: number;
    lastSuccessAt: string | null;
    /** null: the last message was taken. */
    failingSince: string | null;
    lastError: string | null;
    /** Failed attempts to send the present message. */
    attempts: number;
    /** Not before then. */
    nextAttemptAt: string;
    /** Of a webhook whose secret was made. It is shown this once. */
    secret: string | null;
};
export type Token = {
    tokenId: string;
    name: string;
    /** `viewer` reads, `editor` changes features, `admin` does everything. `ingest` sends telemetry and nothing else. */
    scope: "viewer" | "editor" | "admin" | "ingest";
    /** It may change features with one of these tags only; null: any feature. */
    tags: string[] | null;
    createdAt: string;
    createdBy: string;
    expiresAt: string | null;
    /** To the minute. */
    lastUsedAt: string | null;
    revokedAt: string | null;
    revokedBy: string | null;
};
export type NewToken = {
    tokenId: string;
    name: string;
    /** `viewer` reads, `editor` changes features, `admin` does everything. `ingest` sends telemetry and nothing else. */
    scope: "viewer" | "editor" | "admin" | "ingest";
    /** It may change features with one of these tags only; null: any feature. */
    tags: string[] | null;
    createdAt: string;
    createdBy: string;
    expiresAt: string | null;
    /** To the minute. */
    lastUsedAt: string | null;
    revokedAt: string | null;
    revokedBy: string | null;
    /** The token itself. It is shown this once. */
    secret: string;
};
export type Session = {
    sessionId: string;
    /** As the audit names the person. */
    actor: string;
    scope: "viewer" | "editor" | "admin";
    tags: string[] | null;
    /** How the person signed in. */
    method: "token" | "link" | "oidc";
    /** What the browser calls itself. */
    userAgent: string | null;
    createdAt: string;
    /** To the minute. */
    lastSeenAt: string;
    /** When it ends unless it is used before. */
    idleUntil: string;
    /** When it ends in any case. */
    expiresAt: string;
    /** Whether the request came with it. */
    isThisOne: boolean;
};
export type EndedSessions = {
    ended: number;
};
export type SignInLink = {
    /** Open it in a browser, and sign in there with a click. */
    url: string;
    /** The last part of the link. It is shown this once. */
    code: string;
    expiresAt: string;
};
export type NewHook = {
    name: string;
    /** Whose payload and signature it takes. `generic` is Alertmanager's form, signed by Standard Webhooks. */
    source: "alertmanager" | "grafana" | "datadog" | "pagerduty" | "generic";
    /** Whether the sender shows the secret in the Authorization header, or signs with it. */
    authentication: "secret" | "signature";
    /** `shadow` records what alerts would close, `enforce` closes it. */
    mode: "shadow" | "enforce";
    featureId: string | null;
    /** Every alert closes all features with this tag. */
    tag: string | null;
    /** The label of an alert that names the feature to close. */
    featureLabel: string;
    /** The label of an alert that names the tag to close. */
    tagLabel: string;
    allowedFeatures: string[];
    /** An alert may name one of these tags, or a feature that has one of them. */
    allowedTags: string[];
    version: number;
    createdAt: string;
    createdBy: string;
    updatedAt: string;
    updatedBy: string;
    /** When a request was refused last, to ten seconds; null: never. */
    refusedAt: string | null;
    /** Why, for whoever sets the sender up. */
    refusal: string | null;
    /** The secret. It is shown this once. */
    secret: string;
};
export type Forgotten = {
    /** Rows of exposures, activations and returns that were deleted. */
    evidence: number;
    /** Spans of `otel_spans` that were deleted. */
    rawSpans: number;
    /** Rows of requests that waited for an exposure and were deleted. */
    waiting: number;
    /** Records of the log that now name nobody. */
    logRecords: number;
    /** false: a place was not reached, or the fold or the sending of spans is behind, and a row may still come. Forget again. */
    isComplete: boolean;
    /** Databases that could not be asked, a ClickHouse among them. Forget again. */
    notReached: {
        place: string;
        error: string;
    }[];
    /** Under which the unit was stored, for copies that Sluice does not reach. */
    pseudonyms: string[];
    /** Features and segments whose targeting names the id. A person has to change them. */
    namedBy: string[];
};
export type Me = {
    /** As the audit names the caller. */
    actor: string;
    scope: "viewer" | "editor" | "admin";
    /** It may change features with one of these tags only; null: any feature. */
    tags: string[] | null;
    /** `adminToken` is ADMIN_TOKEN, `token` an API token, `session` a person who is signed in. */
    knownBy: "adminToken" | "token" | "session";
    /** When token or session end; null: they do not. */
    expiresAt: string | null;
    session: {
        sessionId: string;
        /** How the person signed in. */
        method: "token" | "link" | "oidc";
        /** When it ends unless it is used before. */
        idleUntil: string;
        /** Every change with this session has to bring it in the header X-Sluice-Csrf. */
        csrfToken: string;
    } | null;
};
/**
 * Take alerts from an alerting system
 */
export function receiveAlerts(name: string, body: {
    [key: string]: any;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: HookDelivery;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    } | {
        status: 503;
        data: HookDelivery;
    }>(`/hooks/${encodeURIComponent(name)}`, oazapfts.json({
        ...opts,
        method: "POST",
        body
    })));
}
/**
 * Read a hook
 */
export function getHook(name: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Hook;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/hooks/${encodeURIComponent(name)}`, {
        ...opts
    }));
}
/**
 * Change what a hook closes, and whether it does
 */
export function updateHook(name: string, ifMatch: string, body: {
    /** `shadow` records what alerts would close, `enforce` closes it. */
    mode?: "shadow" | "enforce";
    /** Every alert closes this feature; null: a label names it, or the tag counts. */
    featureId?: string | null;
    /** Every alert closes all features with this tag. */
    tag?: string | null;
    /** The label of an alert that names the feature to close. */
    featureLabel?: string;
    /** The label of an alert that names the tag to close. */
    tagLabel?: string;
    /** Features that an alert may name. What requires them closes with them. */
    allowedFeatures?: string[];
    /** An alert may name one of these tags, or a feature that has one of them. */
    allowedTags?: string[];
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Hook;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 428;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/hooks/${encodeURIComponent(name)}`, oazapfts.json({
        ...opts,
        method: "PUT",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch
        })
    })));
}
/**
 * Delete a hook and the record of its deliveries
 */
export function deleteHook(name: string, ifMatch: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 428;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/hooks/${encodeURIComponent(name)}`, {
        ...opts,
        method: "DELETE",
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch
        })
    }));
}
/**
 * List features, a page at a time
 */
export function listFeatures({ limit, after, tag, owner, state, mode, ids, q, sort, order }: {
    limit?: number;
    after?: string;
    tag?: string;
    owner?: string;
    state?: "open" | "closed" | "rolledBack" | "unwatched" | "waiting" | "COLLECTING" | "TESTING" | "UNDECIDED" | "KEEP" | "WATCH" | "ROLLBACK" | "INVALID";
    mode?: "shadow" | "enforce" | "none";
    ids?: string;
    q?: string;
    sort?: "featureId" | "owner" | "createdAt" | "updatedAt" | "rolloutBps" | "removeAfter" | "state" | "nearness" | "exposed";
    order?: "asc" | "desc";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            features: ListedFeature[];
            /** Features that the filters leave, on all pages. */
            total: number;
            /** Where the next page begins; null on the last one. */
            next: string | number | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features${QS.query(QS.explode({
        limit,
        after,
        tag,
        owner,
        state,
        mode,
        ids,
        q,
        sort,
        order
    }))}`, {
        ...opts
    }));
}
/**
 * Create a feature
 */
export function createFeature(body: {
    rolloutBps?: number;
    holdoutBps?: number;
    /** Who is assigned and counted: `visitor` is the browser that has the cookie, whoever signs in. `user` is the signed-in user (`UNIT_FROM`); for everybody else the feature is off, and nothing is counted. */
    unit?: "visitor" | "user";
    /** What the feature does at an edge whose snapshot is older than `MAX_STALE_MS`: `static` keeps it as it was, `closed` closes it. */
    failureMode?: "static" | "closed";
    /** Whether only holders of a server key and of a preview link hear of the feature by `/.sluice/explain`, `/.sluice/overlay` and OpenFeature. Pages and the upstream get it as any other. */
    "private"?: boolean;
    /** Conditions on a request. A unit that is not targeted does not get the feature and is not compared. `null`: everyone is targeted. */
    targeting?: Condition | null;
    /** Where the feature applies. None: everywhere. */
    routes?: {
        /** `/products/:id`, `/shop/*` or a plain path. Every spelling of the path is matched. */
        path: string;
        /** HTTP methods. None: all of them. */
        methods?: string[];
        /** Whether `/Shop` and `/shop` are different pages of the site. Without it they are the same. */
        caseSensitive?: boolean;
    }[];
    gate?: {
        /** Another upstream, for units that get the feature. */
        upstream?: string;
        /** Another path, for units that get the feature. `:name` and `*` stand for what the route matched. A request whose route matched nothing under such a name keeps its path. */
        path?: string;
        /** The answer for units that do not get the feature, on its routes. It needs routes: without them it would close the whole site. */
        whenClosed?: {
            /** Answer 404. */
            action: "notFound";
        } | {
            /** Answer with a redirect. */
            action: "redirect";
            /** Where the redirect leads: a path of the site or an http(s) URL. */
            to: string;
            /** Status of the redirect. It is never a permanent one, since the feature may open any time. */
            status?: 302 | 303 | 307;
        };
        /** Edits of HTML pages on the feature's routes. */
        html?: {
            /** Shows elements with `data-feature="<feature id>"` to units that get the feature, and removes them for others. */
            elements?: boolean;
            /** Tells the page's scripts, by `<script type="application/json" id="sluice-flags">` in the head. */
            flags?: boolean;
        };
    } | null;
    activation?: {
        /** Path of the request, as in a route. */
        path: string;
        /** HTTP method of the request. */
        method?: string;
        /** Status of the upstream's answer. Without it any status below 400 counts. */
        status?: number;
    } | null;
    /** Labels, at most 32. A rollback can name a tag and close all features that have it. */
    tags?: string[];
    /** Features that must be open while this one is, at most 32. A rollback of one of them closes this one too. */
    requires?: string[];
    /** Who answers for the feature: a person or a team, at most 128 characters. */
    owner?: string | null;
    /** What the feature is, at most 2,000 characters. */
    description?: string | null;
    /** Where more is written: an http or https URL. */
    link?: string | null;
    /** The day after which the feature should be gone from the code (`2027-01-31`, UTC). Nothing happens on it but a warning. */
    removeAfter?: string | null;
    /** Whether nothing but rollbacks and the steps of its own ramp may change the feature while its trial is undecided, unless somebody forces it with a reason. */
    lockdown?: boolean;
    /** Why; it goes into the audit. */
    reason?: string;
    featureId: string;
    enabled?: boolean;
}, { force, idempotencyKey }: {
    force?: "true" | "false";
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 201;
        data: Feature;
    } | {
        status: 202;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features${QS.query(QS.explode({
        force
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Read a feature
 */
export function getFeature(featureId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Feature;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}`, {
        ...opts
    }));
}
/**
 * Change fields of a feature
 */
export function updateFeature(featureId: string, ifMatch: string, body: {
    rolloutBps?: number;
    holdoutBps?: number;
    /** Who is assigned and counted: `visitor` is the browser that has the cookie, whoever signs in. `user` is the signed-in user (`UNIT_FROM`); for everybody else the feature is off, and nothing is counted. */
    unit?: "visitor" | "user";
    /** What the feature does at an edge whose snapshot is older than `MAX_STALE_MS`: `static` keeps it as it was, `closed` closes it. */
    failureMode?: "static" | "closed";
    /** Whether only holders of a server key and of a preview link hear of the feature by `/.sluice/explain`, `/.sluice/overlay` and OpenFeature. Pages and the upstream get it as any other. */
    "private"?: boolean;
    /** Conditions on a request. A unit that is not targeted does not get the feature and is not compared. `null`: everyone is targeted. */
    targeting?: Condition | null;
    /** Where the feature applies. None: everywhere. */
    routes?: {
        /** `/products/:id`, `/shop/*` or a plain path. Every spelling of the path is matched. */
        path: string;
        /** HTTP methods. None: all of them. */
        methods?: string[];
        /** Whether `/Shop` and `/shop` are different pages of the site. Without it they are the same. */
        caseSensitive?: boolean;
    }[];
    gate?: {
        /** Another upstream, for units that get the feature. */
        upstream?: string;
        /** Another path, for units that get the feature. `:name` and `*` stand for what the route matched. A request whose route matched nothing under such a name keeps its path. */
        path?: string;
        /** The answer for units that do not get the feature, on its routes. It needs routes: without them it would close the whole site. */
        whenClosed?: {
            /** Answer 404. */
            action: "notFound";
        } | {
            /** Answer with a redirect. */
            action: "redirect";
            /** Where the redirect leads: a path of the site or an http(s) URL. */
            to: string;
            /** Status of the redirect. It is never a permanent one, since the feature may open any time. */
            status?: 302 | 303 | 307;
        };
        /** Edits of HTML pages on the feature's routes. */
        html?: {
            /** Shows elements with `data-feature="<feature id>"` to units that get the feature, and removes them for others. */
            elements?: boolean;
            /** Tells the page's scripts, by `<script type="application/json" id="sluice-flags">` in the head. */
            flags?: boolean;
        };
    } | null;
    activation?: {
        /** Path of the request, as in a route. */
        path: string;
        /** HTTP method of the request. */
        method?: string;
        /** Status of the upstream's answer. Without it any status below 400 counts. */
        status?: number;
    } | null;
    /** Labels, at most 32. A rollback can name a tag and close all features that have it. */
    tags?: string[];
    /** Features that must be open while this one is, at most 32. A rollback of one of them closes this one too. */
    requires?: string[];
    /** Who answers for the feature: a person or a team, at most 128 characters. */
    owner?: string | null;
    /** What the feature is, at most 2,000 characters. */
    description?: string | null;
    /** Where more is written: an http or https URL. */
    link?: string | null;
    /** The day after which the feature should be gone from the code (`2027-01-31`, UTC). Nothing happens on it but a warning. */
    removeAfter?: string | null;
    /** Whether nothing but rollbacks and the steps of its own ramp may change the feature while its trial is undecided, unless somebody forces it with a reason. */
    lockdown?: boolean;
    /** Why; it goes into the audit. */
    reason?: string;
    [key: string]: any;
}, { force }: {
    force?: "true" | "false";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Feature;
    } | {
        status: 202;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 428;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}${QS.query(QS.explode({
        force
    }))}`, oazapfts.json({
        ...opts,
        method: "PUT",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch
        })
    })));
}
/**
 * Delete a feature
 */
export function deleteFeature(featureId: string, ifMatch: string, { reason, force }: {
    reason?: string;
    force?: "true" | "false";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 202;
        data: Approval;
    } | {
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 428;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}${QS.query(QS.explode({
        reason,
        force
    }))}`, {
        ...opts,
        method: "DELETE",
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch
        })
    }));
}
/**
 * List segments by their ids, with who uses them
 */
export function listSegments({ limit, after }: {
    limit?: number;
    after?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            segments: Segment[];
            /** Where the next page begins; null on the last one. */
            next: string | number | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/segments${QS.query(QS.explode({
        limit,
        after
    }))}`, {
        ...opts
    }));
}
/**
 * Create a segment
 */
export function createSegment(body: {
    /** Whom it names: a condition as in a feature's targeting. It may name other segments. */
    condition: Condition;
    /** What it is for, at most 2,000 characters. */
    description?: string | null;
    /** Why; it goes into the audit. */
    reason?: string;
    segmentId: string;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 201;
        data: Segment;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/segments", oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Read a segment, with who uses it
 */
export function getSegment(segmentId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Segment;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/segments/${encodeURIComponent(segmentId)}`, {
        ...opts
    }));
}
/**
 * Change a segment, and all features that use it
 */
export function updateSegment(segmentId: string, ifMatch: string, body: {
    /** Whom it names: a condition as in a feature's targeting. It may name other segments. */
    condition?: Condition;
    /** What it is for, at most 2,000 characters. */
    description?: string | null;
    /** Why; it goes into the audit. */
    reason?: string;
    [key: string]: any;
}, { force }: {
    force?: "true" | "false";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Segment;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 428;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/segments/${encodeURIComponent(segmentId)}${QS.query(QS.explode({
        force
    }))}`, oazapfts.json({
        ...opts,
        method: "PUT",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch
        })
    })));
}
/**
 * Delete a segment that nothing uses
 */
export function deleteSegment(segmentId: string, ifMatch: string, { reason }: {
    reason?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 428;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/segments/${encodeURIComponent(segmentId)}${QS.query(QS.explode({
        reason
    }))}`, {
        ...opts,
        method: "DELETE",
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch
        })
    }));
}
/**
 * Who would get a feature, and why
 */
export function evaluateFeature(featureId: string, body: {
    /** The visitor's id, as in `Sluice-Unit`; null: no visitor. */
    visitor?: string | null;
    /** The signed-in user; null: nobody. */
    user?: string | null;
    /** Of the page, without its query; null: any page, so routes do not count. */
    path?: string | null;
    method?: string;
    country?: string | null;
    /** null: by the header `User-Agent`. */
    device?: ("mobile" | "tablet" | "desktop" | null) | ("mobile" | "tablet" | "desktop" | null);
    headers?: {
        [key: string]: string;
    };
    cookies?: {
        [key: string]: string;
    };
    /** Of the site's token, as if it had been verified. */
    claims?: {
        [key: string]: any;
    };
    /** Fields that take the place of the feature's own for this answer. They are not saved. */
    feature?: {
        enabled?: boolean;
        rolloutBps?: number;
        holdoutBps?: number;
        /** Who is assigned and counted: `visitor` is the browser that has the cookie, whoever signs in. `user` is the signed-in user (`UNIT_FROM`); for everybody else the feature is off, and nothing is counted. */
        unit?: "visitor" | "user";
        targeting?: Condition | null;
        /** Where the feature applies. None: everywhere. */
        routes?: {
            /** `/products/:id`, `/shop/*` or a plain path. Every spelling of the path is matched. */
            path: string;
            /** HTTP methods. None: all of them. */
            methods?: string[];
            /** Whether `/Shop` and `/shop` are different pages of the site. Without it they are the same. */
            caseSensitive?: boolean;
        }[];
        gate?: {
            /** Another upstream, for units that get the feature. */
            upstream?: string;
            /** Another path, for units that get the feature. `:name` and `*` stand for what the route matched. A request whose route matched nothing under such a name keeps its path. */
            path?: string;
            /** The answer for units that do not get the feature, on its routes. It needs routes: without them it would close the whole site. */
            whenClosed?: {
                /** Answer 404. */
                action: "notFound";
            } | {
                /** Answer with a redirect. */
                action: "redirect";
                /** Where the redirect leads: a path of the site or an http(s) URL. */
                to: string;
                /** Status of the redirect. It is never a permanent one, since the feature may open any time. */
                status?: 302 | 303 | 307;
            };
            /** Edits of HTML pages on the feature's routes. */
            html?: {
                /** Shows elements with `data-feature="<feature id>"` to units that get the feature, and removes them for others. */
                elements?: boolean;
                /** Tells the page's scripts, by `<script type="application/json" id="sluice-flags">` in the head. */
                flags?: boolean;
            };
        } | null;
    };
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: EvaluationFor;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/evaluate`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Read a feature's rule
 */
export function getRule(featureId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Rule;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/rule`, {
        ...opts
    }));
}
/**
 * Set a feature's rule
 */
export function putRule(featureId: string, body: {
    /** The feature that the rule is about. */
    featureId?: string;
    /** Share of exposed units that act within `activationWindowSeconds`. At 0 the signal is not tested. */
    activationThreshold: number;
    /** Share of exposed units that come back within `retentionWindowSeconds`. At 0 the signal is not tested. */
    retentionThreshold: number;
    /** Milliseconds. At most 5 % of the requests may take longer. */
    latencyP95Threshold: number;
    /** Units in treatment before a signal decides: mature ones for activation and retention, exposed ones for latency and errors. */
    minCohortSize: number;
    /** Deadline of a decision, counted from the beginning of the trial. */
    evaluationWindowSeconds: number;
    /** `shadow` records decisions. `enforce` also carries them out. */
    mode?: "shadow" | "enforce";
    /** How long after its first exposure a unit may act. */
    activationWindowSeconds?: number;
    /** How long after its first exposure a unit may come back. */
    retentionWindowSeconds?: number;
    /** A return is a visit at least this long after the first exposure. */
    returnAfterSeconds?: number;
    /** α: the chance, over the feature's whole life, of rolling back a feature that meets its thresholds. */
    falseRollbackRate?: number;
    /** Beta prior of the activation rate from history. With it a Beta mixture replaces the grid of guesses. */
    prior?: {
        /** As if this many units had acted before. */
        alpha: number;
        /** As if this many units had not acted before. */
        beta: number;
    };
    /** The requests whose latency is judged. Assets never are. */
    latency?: {
        /** `documents`: pages only. `all`: pages and the calls of their scripts. */
        "of"?: "all" | "documents";
    };
    /** Share of requests that may fail. Beside a holdout failed and unfinished requests are compared with it in any case. The error rate shares latency's part of the false-rollback rate. */
    errorRateThreshold?: number;
    /** What each signal is tested against. Where it is not named and there is a holdout: `both`, and the error rate `holdout`. Without a holdout: `threshold`. */
    compare?: {
        /** Whether activation is tested against the threshold, against the holdout, or against both. */
        activation?: "threshold" | "holdout" | "both";
        /** Whether retention is tested against the threshold, against the holdout, or against both. */
        retention?: "threshold" | "holdout" | "both";
        /** Whether latency is tested against the threshold, against the holdout, or against both. */
        latency?: "threshold" | "holdout" | "both";
        /** Whether the error rate is tested against the threshold, against the holdout, or against both. */
        errorRate?: "threshold" | "holdout" | "both";
    };
    /** `throttle` goes back one stage of the ramp first. At the first stage it closes the feature. */
    onFailure?: "rollback" | "throttle";
    /** What happens to a feature that is undecided at the deadline. */
    onDeadline?: "extend" | "rollback";
    /** Stages by which the rollout rises by itself in `enforce` mode. */
    ramp?: {
        /** Rollout of each stage in basis points, strictly rising. */
        stagesBps: number[];
        /** A stage lasts at least this long. */
        minStageSeconds: number;
    };
}, { reason, force, ifMatch }: {
    reason?: string;
    force?: "true" | "false";
    ifMatch?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Rule;
    } | {
        status: 201;
        data: Rule;
    } | {
        status: 202;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 428;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/rule${QS.query(QS.explode({
        reason,
        force
    }))}`, oazapfts.json({
        ...opts,
        method: "PUT",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch
        })
    })));
}
/**
 * Close a feature, and all that require it
 */
export function rollbackFeature(featureId: string, body: {
    /** Why; it goes into the audit. */
    reason: string;
}, { force, ifMatch, idempotencyKey }: {
    force?: "true" | "false";
    ifMatch?: string;
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Feature;
    } | {
        status: 202;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/rollback${QS.query(QS.explode({
        force
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch,
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Open a feature
 */
export function enableFeature(featureId: string, body: {
    rolloutBps?: number;
    holdoutBps?: number;
    /** Why; it goes into the audit. */
    reason: string;
}, { force, ifMatch, idempotencyKey }: {
    force?: "true" | "false";
    ifMatch?: string;
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Feature;
    } | {
        status: 202;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/enable${QS.query(QS.explode({
        force
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch,
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Change how many get a feature
 */
export function setRollout(featureId: string, body: {
    rolloutBps: number;
    holdoutBps?: number;
    /** Why; it goes into the audit. */
    reason: string;
}, { force, ifMatch, idempotencyKey }: {
    force?: "true" | "false";
    ifMatch?: string;
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Feature;
    } | {
        status: 202;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/rollout${QS.query(QS.explode({
        force
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch,
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Let a feature's evidence start over
 */
export function restartTrial(featureId: string, body: {
    /** Why; it goes into the audit. */
    reason: string;
}, { force, ifMatch, idempotencyKey }: {
    force?: "true" | "false";
    ifMatch?: string;
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Feature;
    } | {
        status: 202;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/trial${QS.query(QS.explode({
        force
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch,
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Pause a feature's ramp, or let it go on
 */
export function pauseRamp(featureId: string, body: {
    paused: boolean;
    /** Why; it goes into the audit. */
    reason: string;
}, { force, ifMatch, idempotencyKey }: {
    force?: "true" | "false";
    ifMatch?: string;
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            featureId: string;
            paused: boolean;
            /** Of the feature: a step that was decided before comes too late. */
            version: number;
            revision: number;
        };
    } | {
        status: 202;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/ramp${QS.query(QS.explode({
        force
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch,
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * What a feature requires, and what closes with it
 */
export function getDependents(featureId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Dependents;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/dependents`, {
        ...opts
    }));
}
/**
 * Close all features with a tag, in one revision
 */
export function rollbackTag(body: {
    tag: string;
    /** Why; it goes into the audit. */
    reason: string;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            /** null: nothing with the tag was open. */
            revision: number | null;
            features: {
                featureId: string;
                version: number;
            }[];
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/rollback", oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Which tags ask for a second person
 */
export function getApprovalPolicy(opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: ApprovalPolicy;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/approvals/policy", {
        ...opts
    }));
}
/**
 * Say which tags ask for a second person
 */
export function setApprovalPolicy(ifMatch: string, body: {
    /** Changes of features with one of these need two people. None: nobody needs any. */
    tags: string[];
    /** Why; it goes into the audit. */
    reason: string;
}, { force }: {
    force?: "true" | "false";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: ApprovalPolicy;
    } | {
        status: 202;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 428;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/approvals/policy${QS.query(QS.explode({
        force
    }))}`, oazapfts.json({
        ...opts,
        method: "PUT",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch
        })
    })));
}
/**
 * List changes that wait or waited for a second person, the newest first
 */
export function listApprovals({ limit, before, state, featureId }: {
    limit?: number;
    before?: number;
    state?: "open" | "decided";
    featureId?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            approvals: Approval[];
            /** Where the next page begins; null on the last one. */
            next: string | number | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/approvals${QS.query(QS.explode({
        limit,
        before,
        state,
        featureId
    }))}`, {
        ...opts
    }));
}
/**
 * Read a change that waits or waited for a second person
 */
export function getApproval(approvalId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/approvals/${encodeURIComponent(approvalId)}`, {
        ...opts
    }));
}
/**
 * Approve a change, which is carried out at once
 */
export function approveChange(approvalId: string, body: {
    /** Of the request that was looked at. */
    hash: string;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/approvals/${encodeURIComponent(approvalId)}/approve`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Reject a change
 */
export function rejectChange(approvalId: string, body: {
    /** Why; it goes into the audit. */
    reason: string;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/approvals/${encodeURIComponent(approvalId)}/reject`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Withdraw a change that you asked for
 */
export function withdrawChange(approvalId: string, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/approvals/${encodeURIComponent(approvalId)}/withdraw`, {
        ...opts,
        method: "POST",
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    }));
}
/**
 * List schedules, the newest first
 */
export function listSchedules({ limit, before, state, featureId }: {
    limit?: number;
    before?: number;
    state?: "planned" | "finished";
    featureId?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            schedules: Schedule[];
            /** Where the next page begins; null on the last one. */
            next: string | number | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/schedules${QS.query(QS.explode({
        limit,
        before,
        state,
        featureId
    }))}`, {
        ...opts
    }));
}
/**
 * Plan a change of a feature for a time
 */
export function makeSchedule(body: {
    featureId: string;
    /** `enable` opens the feature, `rollback` closes it. The others are as their own operations. */
    change: {
        rolloutBps?: number;
        holdoutBps?: number;
        kind: "enable";
    } | {
        kind: "rollback";
    } | {
        rolloutBps: number;
        holdoutBps?: number;
        kind: "rollout";
    } | {
        kind: "ramp";
        paused: boolean;
    } | {
        kind: "restart";
    } | {
        kind: "update";
        edit: {
            rolloutBps?: number;
            holdoutBps?: number;
            /** Who is assigned and counted: `visitor` is the browser that has the cookie, whoever signs in. `user` is the signed-in user (`UNIT_FROM`); for everybody else the feature is off, and nothing is counted. */
            unit?: "visitor" | "user";
            /** What the feature does at an edge whose snapshot is older than `MAX_STALE_MS`: `static` keeps it as it was, `closed` closes it. */
            failureMode?: "static" | "closed";
            /** Whether only holders of a server key and of a preview link hear of the feature by `/.sluice/explain`, `/.sluice/overlay` and OpenFeature. Pages and the upstream get it as any other. */
            "private"?: boolean;
            /** Conditions on a request. A unit that is not targeted does not get the feature and is not compared. `null`: everyone is targeted. */
            targeting?: Condition | null;
            /** Where the feature applies. None: everywhere. */
            routes?: {
                /** `/products/:id`, `/shop/*` or a plain path. Every spelling of the path is matched. */
                path: string;
                /** HTTP methods. None: all of them. */
                methods?: string[];
                /** Whether `/Shop` and `/shop` are different pages of the site. Without it they are the same. */
                caseSensitive?: boolean;
            }[];
            gate?: {
                /** Another upstream, for units that get the feature. */
                upstream?: string;
                /** Another path, for units that get the feature. `:name` and `*` stand for what the route matched. A request whose route matched nothing under such a name keeps its path. */
                path?: string;
                /** The answer for units that do not get the feature, on its routes. It needs routes: without them it would close the whole site. */
                whenClosed?: {
                    /** Answer 404. */
                    action: "notFound";
                } | {
                    /** Answer with a redirect. */
                    action: "redirect";
                    /** Where the redirect leads: a path of the site or an http(s) URL. */
                    to: string;
                    /** Status of the redirect. It is never a permanent one, since the feature may open any time. */
                    status?: 302 | 303 | 307;
                };
                /** Edits of HTML pages on the feature's routes. */
                html?: {
                    /** Shows elements with `data-feature="<feature id>"` to units that get the feature, and removes them for others. */
                    elements?: boolean;
                    /** Tells the page's scripts, by `<script type="application/json" id="sluice-flags">` in the head. */
                    flags?: boolean;
                };
            } | null;
            activation?: {
                /** Path of the request, as in a route. */
                path: string;
                /** HTTP method of the request. */
                method?: string;
                /** Status of the upstream's answer. Without it any status below 400 counts. */
                status?: number;
            } | null;
            /** Labels, at most 32. A rollback can name a tag and close all features that have it. */
            tags?: string[];
            /** Features that must be open while this one is, at most 32. A rollback of one of them closes this one too. */
            requires?: string[];
            /** Who answers for the feature: a person or a team, at most 128 characters. */
            owner?: string | null;
            /** What the feature is, at most 2,000 characters. */
            description?: string | null;
            /** Where more is written: an http or https URL. */
            link?: string | null;
            /** The day after which the feature should be gone from the code (`2027-01-31`, UTC). Nothing happens on it but a warning. */
            removeAfter?: string | null;
            /** Whether nothing but rollbacks and the steps of its own ramp may change the feature while its trial is undecided, unless somebody forces it with a reason. */
            lockdown?: boolean;
        };
    } | {
        kind: "rule";
        rule: {
            /** Share of exposed units that act within `activationWindowSeconds`. At 0 the signal is not tested. */
            activationThreshold: number;
            /** Share of exposed units that come back within `retentionWindowSeconds`. At 0 the signal is not tested. */
            retentionThreshold: number;
            /** Milliseconds. At most 5 % of the requests may take longer. */
            latencyP95Threshold: number;
            /** Units in treatment before a signal decides: mature ones for activation and retention, exposed ones for latency and errors. */
            minCohortSize: number;
            /** Deadline of a decision, counted from the beginning of the trial. */
            evaluationWindowSeconds: number;
            /** `shadow` records decisions. `enforce` also carries them out. */
            mode?: "shadow" | "enforce";
            /** How long after its first exposure a unit may act. */
            activationWindowSeconds?: number;
            /** How long after its first exposure a unit may come back. */
            retentionWindowSeconds?: number;
            /** A return is a visit at least this long after the first exposure. */
            returnAfterSeconds?: number;
            /** α: the chance, over the feature's whole life, of rolling back a feature that meets its thresholds. */
            falseRollbackRate?: number;
            /** Beta prior of the activation rate from history. With it a Beta mixture replaces the grid of guesses. */
            prior?: {
                /** As if this many units had acted before. */
                alpha: number;
                /** As if this many units had not acted before. */
                beta: number;
            };
            /** The requests whose latency is judged. Assets never are. */
            latency?: {
                /** `documents`: pages only. `all`: pages and the calls of their scripts. */
                "of"?: "all" | "documents";
            };
            /** Share of requests that may fail. Beside a holdout failed and unfinished requests are compared with it in any case. The error rate shares latency's part of the false-rollback rate. */
            errorRateThreshold?: number;
            /** What each signal is tested against. Where it is not named and there is a holdout: `both`, and the error rate `holdout`. Without a holdout: `threshold`. */
            compare?: {
                /** Whether activation is tested against the threshold, against the holdout, or against both. */
                activation?: "threshold" | "holdout" | "both";
                /** Whether retention is tested against the threshold, against the holdout, or against both. */
                retention?: "threshold" | "holdout" | "both";
                /** Whether latency is tested against the threshold, against the holdout, or against both. */
                latency?: "threshold" | "holdout" | "both";
                /** Whether the error rate is tested against the threshold, against the holdout, or against both. */
                errorRate?: "threshold" | "holdout" | "both";
            };
            /** `throttle` goes back one stage of the ramp first. At the first stage it closes the feature. */
            onFailure?: "rollback" | "throttle";
            /** What happens to a feature that is undecided at the deadline. */
            onDeadline?: "extend" | "rollback";
            /** Stages by which the rollout rises by itself in `enforce` mode. */
            ramp?: {
                /** Rollout of each stage in basis points, strictly rising. */
                stagesBps: number[];
                /** A stage lasts at least this long. */
                minStageSeconds: number;
            };
        };
    } | {
        kind: "delete";
    };
    /** On the clocks of `zone`, such as `2026-12-01T09:00`; with its offset where the hour comes twice. */
    at: string;
    /** A time zone by its name. */
    zone: string;
    /** If no origin runs at its time: so much later it is still carried out. */
    graceSeconds?: number;
    /** Why; it goes into the audit. */
    reason: string;
}, { force, idempotencyKey }: {
    force?: "true" | "false";
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 201;
        data: Schedule;
    } | {
        status: 202;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/schedules${QS.query(QS.explode({
        force
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Read a schedule, and what became of it
 */
export function getSchedule(scheduleId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Schedule;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/schedules/${encodeURIComponent(scheduleId)}`, {
        ...opts
    }));
}
/**
 * Cancel a schedule that is not due yet
 */
export function cancelSchedule(scheduleId: string, { ifMatch }: {
    ifMatch?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Schedule;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/schedules/${encodeURIComponent(scheduleId)}`, {
        ...opts,
        method: "DELETE",
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch
        })
    }));
}
/**
 * List a feature's evaluations, the newest first
 */
export function listEvaluations(featureId: string, { limit, before }: {
    limit?: number;
    before?: number;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            evaluations: Evaluation[];
            /** Where the next page begins; null on the last one. */
            next: string | number | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/evaluations${QS.query(QS.explode({
        limit,
        before
    }))}`, {
        ...opts
    }));
}
/**
 * What is counted of a feature, and its newest evaluation
 */
export function getSignals(featureId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Signals;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/signals`, {
        ...opts
    }));
}
/**
 * How long the requests of the present trial take, as a distribution
 */
export function getLatency(featureId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Latency;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/latency`, {
        ...opts
    }));
}
/**
 * List changes, the newest first
 */
export function listAudit({ limit, before, featureId, action, revision, cause, actor, since, until }: {
    limit?: number;
    before?: number;
    featureId?: string;
    action?: "create" | "update" | "delete" | "rule" | "rollout" | "enable" | "rollback" | "segment" | "hook" | "target" | "policy" | "token" | "forget";
    revision?: number;
    cause?: "evidence" | "alert" | "dependency" | "edge" | "person";
    actor?: string;
    since?: string;
    until?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            entries: AuditEntry[];
            /** Where the next page begins; null on the last one. */
            next: string | number | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/audit${QS.query(QS.explode({
        limit,
        before,
        featureId,
        action,
        revision,
        cause,
        actor,
        since,
        until
    }))}`, {
        ...opts
    }));
}
/**
 * Check that the audit is whole
 */
export function verifyAudit({ $from, to }: {
    $from?: number;
    to?: number;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: AuditVerdict;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/audit/verify${QS.query(QS.explode({
        "from": $from,
        to
    }))}`, {
        ...opts
    }));
}
/**
 * Why a feature is as it is, and what comes next
 */
export function explainVerdict(featureId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Why;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/why`, {
        ...opts
    }));
}
/**
 * Mark a moment, such as a deploy, on the charts of features
 */
export function annotate(body: {
    title: string;
    /** When it was; without it now. */
    at?: string;
    /** Where one can read more. */
    link?: string;
    tags?: string[];
    /** Without tags and features it is about all features. */
    features?: string[];
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 201;
        data: Annotation;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/annotations", oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * List annotations, the newest first
 */
export function listAnnotations({ featureId, since, until, limit }: {
    featureId?: string;
    since?: string;
    until?: string;
    limit?: number;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            annotations: Annotation[];
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/annotations${QS.query(QS.explode({
        featureId,
        since,
        until,
        limit
    }))}`, {
        ...opts
    }));
}
/**
 * Take an annotation away
 */
export function deleteAnnotation(annotationId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/annotations/${encodeURIComponent(annotationId)}`, {
        ...opts,
        method: "DELETE"
    }));
}
/**
 * Whether preview links can be made here, and for which site
 */
export function getPreviewTerms(featureId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            featureId: string;
            /** Whether this origin holds `PREVIEW_KEYS`. */
            isAvailable: boolean;
            site: string | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/preview`, {
        ...opts
    }));
}
/**
 * Make a link that shows one feature open, whatever its state
 */
export function makePreviewLink(featureId: string, body: {
    minutes?: number;
    to?: string;
    /** Where visitors reach the site; without it the first edge of `EDGE_URLS`. */
    site?: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 201;
        data: {
            featureId: string;
            /** Shows the feature open to everybody who follows it. */
            url: string;
            /** It ends earlier when the feature is opened again. */
            expiresAt: string;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/preview`, oazapfts.json({
        ...opts,
        method: "POST",
        body
    })));
}
/**
 * How long a rule takes to decide at a given traffic
 */
export function forecastRule(body: {
    rule: {
        /** The feature that the rule is about. */
        featureId: string;
        /** Share of exposed units that act within `activationWindowSeconds`. At 0 the signal is not tested. */
        activationThreshold: number;
        /** Share of exposed units that come back within `retentionWindowSeconds`. At 0 the signal is not tested. */
        retentionThreshold: number;
        /** Milliseconds. At most 5 % of the requests may take longer. */
        latencyP95Threshold: number;
        /** Units in treatment before a signal decides: mature ones for activation and retention, exposed ones for latency and errors. */
        minCohortSize: number;
        /** Deadline of a decision, counted from the beginning of the trial. */
        evaluationWindowSeconds: number;
        /** `shadow` records decisions. `enforce` also carries them out. */
        mode?: "shadow" | "enforce";
        /** How long after its first exposure a unit may act. */
        activationWindowSeconds?: number;
        /** How long after its first exposure a unit may come back. */
        retentionWindowSeconds?: number;
        /** A return is a visit at least this long after the first exposure. */
        returnAfterSeconds?: number;
        /** α: the chance, over the feature's whole life, of rolling back a feature that meets its thresholds. */
        falseRollbackRate?: number;
        /** Beta prior of the activation rate from history. With it a Beta mixture replaces the grid of guesses. */
        prior?: {
            /** As if this many units had acted before. */
            alpha: number;
            /** As if this many units had not acted before. */
            beta: number;
        };
        /** The requests whose latency is judged. Assets never are. */
        latency?: {
            /** `documents`: pages only. `all`: pages and the calls of their scripts. */
            "of"?: "all" | "documents";
        };
        /** Share of requests that may fail. Beside a holdout failed and unfinished requests are compared with it in any case. The error rate shares latency's part of the false-rollback rate. */
        errorRateThreshold?: number;
        /** What each signal is tested against. Where it is not named and there is a holdout: `both`, and the error rate `holdout`. Without a holdout: `threshold`. */
        compare?: {
            /** Whether activation is tested against the threshold, against the holdout, or against both. */
            activation?: "threshold" | "holdout" | "both";
            /** Whether retention is tested against the threshold, against the holdout, or against both. */
            retention?: "threshold" | "holdout" | "both";
            /** Whether latency is tested against the threshold, against the holdout, or against both. */
            latency?: "threshold" | "holdout" | "both";
            /** Whether the error rate is tested against the threshold, against the holdout, or against both. */
            errorRate?: "threshold" | "holdout" | "both";
        };
        /** `throttle` goes back one stage of the ramp first. At the first stage it closes the feature. */
        onFailure?: "rollback" | "throttle";
        /** What happens to a feature that is undecided at the deadline. */
        onDeadline?: "extend" | "rollback";
        /** Stages by which the rollout rises by itself in `enforce` mode. */
        ramp?: {
            /** Rollout of each stage in basis points, strictly rising. */
            stagesBps: number[];
            /** A stage lasts at least this long. */
            minStageSeconds: number;
        };
    };
    /** New users of treatment a day. */
    usersPerDay: number;
    /** New users of the holdout a day. */
    holdoutUsersPerDay?: number;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Forecast;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/plan-test", oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * How many false rollbacks the last 30 days' launches may cost
 */
export function getErrorBudget(opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: ErrorBudget;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/error-budget", {
        ...opts
    }));
}
/**
 * What other thresholds would have done on the observed data
 */
export function calibrateRule(featureId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Calibration;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/calibration`, {
        ...opts
    }));
}
/**
 * What was rolled back, never decides, can be removed, or is used by nobody
 */
export function getReview({ since, until, openDays, engagementBelow, minUnits, decidedDays, undecidedDays, pricePerMillionRequests, pricePerUpstreamHour }: {
    since?: string;
    until?: string;
    openDays?: number;
    engagementBelow?: number;
    minUnits?: number;
    decidedDays?: number;
    undecidedDays?: number;
    pricePerMillionRequests?: number | null;
    pricePerUpstreamHour?: number | null;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Review;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/review${QS.query(QS.explode({
        since,
        until,
        openDays,
        engagementBelow,
        minUnits,
        decidedDays,
        undecidedDays,
        pricePerMillionRequests,
        pricePerUpstreamHour
    }))}`, {
        ...opts
    }));
}
/**
 * What configuration files would change
 */
export function planConfig(body: {
    /** Names this set of files, such as the repository. A source owns its features and segments, and what leaves all of its files is deleted. */
    source: string;
    features: {
        /** Share of all units that gets the feature, in basis points. Not named: it stays as it is. Under a rule with a ramp in `enforce` it is where the ramp begins. */
        rolloutBps?: number;
        /** Share of all units that is kept without the feature for comparison, in basis points. Not named: it stays as it is. */
        holdoutBps?: number;
        /** Who is assigned and counted: `visitor` is the browser that has the cookie, whoever signs in. `user` is the signed-in user (`UNIT_FROM`); for everybody else the feature is off, and nothing is counted. */
        unit?: "visitor" | "user";
        /** What the feature does at an edge whose snapshot is older than `MAX_STALE_MS`: `static` keeps it as it was, `closed` closes it. */
        failureMode?: "static" | "closed";
        /** Whether only holders of a server key and of a preview link hear of the feature by `/.sluice/explain`, `/.sluice/overlay` and OpenFeature. Pages and the upstream get it as any other. */
        "private"?: boolean;
        /** Conditions on a request. A unit that is not targeted does not get the feature and is not compared. `null`: everyone is targeted. */
        targeting?: Condition | null;
        /** Where the feature applies. None: everywhere. */
        routes?: {
            /** `/products/:id`, `/shop/*` or a plain path. Every spelling of the path is matched. */
            path: string;
            /** HTTP methods. None: all of them. */
            methods?: string[];
            /** Whether `/Shop` and `/shop` are different pages of the site. Without it they are the same. */
            caseSensitive?: boolean;
        }[];
        gate?: {
            /** Another upstream, for units that get the feature. */
            upstream?: string;
            /** Another path, for units that get the feature. `:name` and `*` stand for what the route matched. A request whose route matched nothing under such a name keeps its path. */
            path?: string;
            /** The answer for units that do not get the feature, on its routes. It needs routes: without them it would close the whole site. */
            whenClosed?: {
                /** Answer 404. */
                action: "notFound";
            } | {
                /** Answer with a redirect. */
                action: "redirect";
                /** Where the redirect leads: a path of the site or an http(s) URL. */
                to: string;
                /** Status of the redirect. It is never a permanent one, since the feature may open any time. */
                status?: 302 | 303 | 307;
            };
            /** Edits of HTML pages on the feature's routes. */
            html?: {
                /** Shows elements with `data-feature="<feature id>"` to units that get the feature, and removes them for others. */
                elements?: boolean;
                /** Tells the page's scripts, by `<script type="application/json" id="sluice-flags">` in the head. */
                flags?: boolean;
            };
        } | null;
        activation?: {
            /** Path of the request, as in a route. */
            path: string;
            /** HTTP method of the request. */
            method?: string;
            /** Status of the upstream's answer. Without it any status below 400 counts. */
            status?: number;
        } | null;
        /** Labels, at most 32. A rollback can name a tag and close all features that have it. */
        tags?: string[];
        /** Features that must be open while this one is, at most 32. A rollback of one of them closes this one too. */
        requires?: string[];
        /** Who answers for the feature: a person or a team, at most 128 characters. */
        owner?: string | null;
        /** What the feature is, at most 2,000 characters. */
        description?: string | null;
        /** Where more is written: an http or https URL. */
        link?: string | null;
        /** The day after which the feature should be gone from the code (`2027-01-31`, UTC). Nothing happens on it but a warning. */
        removeAfter?: string | null;
        /** Whether nothing but rollbacks and the steps of its own ramp may change the feature while its trial is undecided, unless somebody forces it with a reason. */
        lockdown?: boolean;
        /** Whether the feature is open. Not named: it stays as it is, and a new one is closed. A feature that was rolled back stays closed whatever stands here. */
        enabled?: boolean;
        /** Opens the feature again, with `enabled: true`, if it was rolled back in this epoch. A later rollback is in a later epoch and is not undone. */
        reopenEpoch?: number;
        /** What the feature has to achieve. Not named: its rule stays as it is. */
        rule?: {
            /** Share of exposed units that act within `activationWindowSeconds`. At 0 the signal is not tested. */
            activationThreshold: number;
            /** Share of exposed units that come back within `retentionWindowSeconds`. At 0 the signal is not tested. */
            retentionThreshold: number;
            /** Milliseconds. At most 5 % of the requests may take longer. */
            latencyP95Threshold: number;
            /** Units in treatment before a signal decides: mature ones for activation and retention, exposed ones for latency and errors. */
            minCohortSize: number;
            /** Deadline of a decision, counted from the beginning of the trial. */
            evaluationWindowSeconds: number;
            /** `shadow` records decisions. `enforce` also carries them out. */
            mode?: "shadow" | "enforce";
            /** How long after its first exposure a unit may act. */
            activationWindowSeconds?: number;
            /** How long after its first exposure a unit may come back. */
            retentionWindowSeconds?: number;
            /** A return is a visit at least this long after the first exposure. */
            returnAfterSeconds?: number;
            /** α: the chance, over the feature's whole life, of rolling back a feature that meets its thresholds. */
            falseRollbackRate?: number;
            /** Beta prior of the activation rate from history. With it a Beta mixture replaces the grid of guesses. */
            prior?: {
                /** As if this many units had acted before. */
                alpha: number;
                /** As if this many units had not acted before. */
                beta: number;
            };
            /** The requests whose latency is judged. Assets never are. */
            latency?: {
                /** `documents`: pages only. `all`: pages and the calls of their scripts. */
                "of"?: "all" | "documents";
            };
            /** Share of requests that may fail. Beside a holdout failed and unfinished requests are compared with it in any case. The error rate shares latency's part of the false-rollback rate. */
            errorRateThreshold?: number;
            /** What each signal is tested against. Where it is not named and there is a holdout: `both`, and the error rate `holdout`. Without a holdout: `threshold`. */
            compare?: {
                /** Whether activation is tested against the threshold, against the holdout, or against both. */
                activation?: "threshold" | "holdout" | "both";
                /** Whether retention is tested against the threshold, against the holdout, or against both. */
                retention?: "threshold" | "holdout" | "both";
                /** Whether latency is tested against the threshold, against the holdout, or against both. */
                latency?: "threshold" | "holdout" | "both";
                /** Whether the error rate is tested against the threshold, against the holdout, or against both. */
                errorRate?: "threshold" | "holdout" | "both";
            };
            /** `throttle` goes back one stage of the ramp first. At the first stage it closes the feature. */
            onFailure?: "rollback" | "throttle";
            /** What happens to a feature that is undecided at the deadline. */
            onDeadline?: "extend" | "rollback";
            /** Stages by which the rollout rises by itself in `enforce` mode. */
            ramp?: {
                /** Rollout of each stage in basis points, strictly rising. */
                stagesBps: number[];
                /** A stage lasts at least this long. */
                minStageSeconds: number;
            };
        };
        featureId: string;
        /** Path of the file that it stands in, for people. */
        file: string;
    }[];
    /** They change in the same revision as the features. */
    segments?: {
        /** Whom it names: a condition as in a feature's targeting. It may name other segments. */
        condition: Condition;
        /** What it is for, at most 2,000 characters. */
        description?: string | null;
        segmentId: string;
        /** Path of the file that it stands in, for people. */
        file: string;
    }[];
    /** What becomes of features and segments that the source owns and that are in no file any more: `release` keeps them, and no file owns them then. A segment that somebody still uses stays. */
    removed?: "delete" | "release";
    /** Takes over features and segments that another source owns; else they are refused. */
    takeOver?: boolean;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Plan;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/plan", oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Apply exactly one plan, in one revision
 */
export function applyConfig(body: {
    /** Names this set of files, such as the repository. A source owns its features and segments, and what leaves all of its files is deleted. */
    source: string;
    features: {
        /** Share of all units that gets the feature, in basis points. Not named: it stays as it is. Under a rule with a ramp in `enforce` it is where the ramp begins. */
        rolloutBps?: number;
        /** Share of all units that is kept without the feature for comparison, in basis points. Not named: it stays as it is. */
        holdoutBps?: number;
        /** Who is assigned and counted: `visitor` is the browser that has the cookie, whoever signs in. `user` is the signed-in user (`UNIT_FROM`); for everybody else the feature is off, and nothing is counted. */
        unit?: "visitor" | "user";
        /** What the feature does at an edge whose snapshot is older than `MAX_STALE_MS`: `static` keeps it as it was, `closed` closes it. */
        failureMode?: "static" | "closed";
        /** Whether only holders of a server key and of a preview link hear of the feature by `/.sluice/explain`, `/.sluice/overlay` and OpenFeature. Pages and the upstream get it as any other. */
        "private"?: boolean;
        /** Conditions on a request. A unit that is not targeted does not get the feature and is not compared. `null`: everyone is targeted. */
        targeting?: Condition | null;
        /** Where the feature applies. None: everywhere. */
        routes?: {
            /** `/products/:id`, `/shop/*` or a plain path. Every spelling of the path is matched. */
            path: string;
            /** HTTP methods. None: all of them. */
            methods?: string[];
            /** Whether `/Shop` and `/shop` are different pages of the site. Without it they are the same. */
            caseSensitive?: boolean;
        }[];
        gate?: {
            /** Another upstream, for units that get the feature. */
            upstream?: string;
            /** Another path, for units that get the feature. `:name` and `*` stand for what the route matched. A request whose route matched nothing under such a name keeps its path. */
            path?: string;
            /** The answer for units that do not get the feature, on its routes. It needs routes: without them it would close the whole site. */
            whenClosed?: {
                /** Answer 404. */
                action: "notFound";
            } | {
                /** Answer with a redirect. */
                action: "redirect";
                /** Where the redirect leads: a path of the site or an http(s) URL. */
                to: string;
                /** Status of the redirect. It is never a permanent one, since the feature may open any time. */
                status?: 302 | 303 | 307;
            };
            /** Edits of HTML pages on the feature's routes. */
            html?: {
                /** Shows elements with `data-feature="<feature id>"` to units that get the feature, and removes them for others. */
                elements?: boolean;
                /** Tells the page's scripts, by `<script type="application/json" id="sluice-flags">` in the head. */
                flags?: boolean;
            };
        } | null;
        activation?: {
            /** Path of the request, as in a route. */
            path: string;
            /** HTTP method of the request. */
            method?: string;
            /** Status of the upstream's answer. Without it any status below 400 counts. */
            status?: number;
        } | null;
        /** Labels, at most 32. A rollback can name a tag and close all features that have it. */
        tags?: string[];
        /** Features that must be open while this one is, at most 32. A rollback of one of them closes this one too. */
        requires?: string[];
        /** Who answers for the feature: a person or a team, at most 128 characters. */
        owner?: string | null;
        /** What the feature is, at most 2,000 characters. */
        description?: string | null;
        /** Where more is written: an http or https URL. */
        link?: string | null;
        /** The day after which the feature should be gone from the code (`2027-01-31`, UTC). Nothing happens on it but a warning. */
        removeAfter?: string | null;
        /** Whether nothing but rollbacks and the steps of its own ramp may change the feature while its trial is undecided, unless somebody forces it with a reason. */
        lockdown?: boolean;
        /** Whether the feature is open. Not named: it stays as it is, and a new one is closed. A feature that was rolled back stays closed whatever stands here. */
        enabled?: boolean;
        /** Opens the feature again, with `enabled: true`, if it was rolled back in this epoch. A later rollback is in a later epoch and is not undone. */
        reopenEpoch?: number;
        /** What the feature has to achieve. Not named: its rule stays as it is. */
        rule?: {
            /** Share of exposed units that act within `activationWindowSeconds`. At 0 the signal is not tested. */
            activationThreshold: number;
            /** Share of exposed units that come back within `retentionWindowSeconds`. At 0 the signal is not tested. */
            retentionThreshold: number;
            /** Milliseconds. At most 5 % of the requests may take longer. */
            latencyP95Threshold: number;
            /** Units in treatment before a signal decides: mature ones for activation and retention, exposed ones for latency and errors. */
            minCohortSize: number;
            /** Deadline of a decision, counted from the beginning of the trial. */
            evaluationWindowSeconds: number;
            /** `shadow` records decisions. `enforce` also carries them out. */
            mode?: "shadow" | "enforce";
            /** How long after its first exposure a unit may act. */
            activationWindowSeconds?: number;
            /** How long after its first exposure a unit may come back. */
            retentionWindowSeconds?: number;
            /** A return is a visit at least this long after the first exposure. */
            returnAfterSeconds?: number;
            /** α: the chance, over the feature's whole life, of rolling back a feature that meets its thresholds. */
            falseRollbackRate?: number;
            /** Beta prior of the activation rate from history. With it a Beta mixture replaces the grid of guesses. */
            prior?: {
                /** As if this many units had acted before. */
                alpha: number;
                /** As if this many units had not acted before. */
                beta: number;
            };
            /** The requests whose latency is judged. Assets never are. */
            latency?: {
                /** `documents`: pages only. `all`: pages and the calls of their scripts. */
                "of"?: "all" | "documents";
            };
            /** Share of requests that may fail. Beside a holdout failed and unfinished requests are compared with it in any case. The error rate shares latency's part of the false-rollback rate. */
            errorRateThreshold?: number;
            /** What each signal is tested against. Where it is not named and there is a holdout: `both`, and the error rate `holdout`. Without a holdout: `threshold`. */
            compare?: {
                /** Whether activation is tested against the threshold, against the holdout, or against both. */
                activation?: "threshold" | "holdout" | "both";
                /** Whether retention is tested against the threshold, against the holdout, or against both. */
                retention?: "threshold" | "holdout" | "both";
                /** Whether latency is tested against the threshold, against the holdout, or against both. */
                latency?: "threshold" | "holdout" | "both";
                /** Whether the error rate is tested against the threshold, against the holdout, or against both. */
                errorRate?: "threshold" | "holdout" | "both";
            };
            /** `throttle` goes back one stage of the ramp first. At the first stage it closes the feature. */
            onFailure?: "rollback" | "throttle";
            /** What happens to a feature that is undecided at the deadline. */
            onDeadline?: "extend" | "rollback";
            /** Stages by which the rollout rises by itself in `enforce` mode. */
            ramp?: {
                /** Rollout of each stage in basis points, strictly rising. */
                stagesBps: number[];
                /** A stage lasts at least this long. */
                minStageSeconds: number;
            };
        };
        featureId: string;
        /** Path of the file that it stands in, for people. */
        file: string;
    }[];
    /** They change in the same revision as the features. */
    segments?: {
        /** Whom it names: a condition as in a feature's targeting. It may name other segments. */
        condition: Condition;
        /** What it is for, at most 2,000 characters. */
        description?: string | null;
        segmentId: string;
        /** Path of the file that it stands in, for people. */
        file: string;
    }[];
    /** What becomes of features and segments that the source owns and that are in no file any more: `release` keeps them, and no file owns them then. A segment that somebody still uses stays. */
    removed?: "delete" | "release";
    /** Takes over features and segments that another source owns; else they are refused. */
    takeOver?: boolean;
    /** Of the plan. Nothing else is applied. */
    hash: string;
    /** The versions that the plan is based on, as it has them. */
    base: {
        featureId: string;
        /** null: there is no such feature. */
        version: number | null;
    }[];
    /** The same of segments. Not named: as they are now. */
    baseSegments?: {
        segmentId: string;
        /** null: there is no such segment. */
        version: number | null;
    }[];
    /** Why; it goes into the audit. */
    reason?: string;
}, { force, idempotencyKey }: {
    force?: "true" | "false";
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            hash: string;
            /** The one revision of all changes. null: there was nothing to change. */
            revision: number | null;
            at: string;
            /** The plan was applied before, and nothing was done now. */
            alreadyApplied: boolean;
            features: {
                featureId: string;
                version: number;
            }[];
        };
    } | {
        status: 202;
        data: Approval;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/apply${QS.query(QS.explode({
        force
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * Features and segments as configuration files say them
 */
export function exportConfig({ source, tag }: {
    source?: string;
    tag?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            /** By id. With `source` those that it owns; with `tag` those that features with this tag use, and no others. */
            segments: {
                segmentId: string;
                /** Who owns it; null: nobody. */
                source: string | null;
                file: string | null;
                config: {
                    condition?: Condition;
                    description?: string;
                };
            }[];
            /** By id. */
            features: {
                featureId: string;
                /** Who owns it; null: nobody. */
                source: string | null;
                file: string | null;
                /** Then the document says neither `enabled` nor `rolloutBps`. */
                rolledBack: {
                    since: string;
                    reason: string | null;
                    epoch: number;
                } | null;
                /** What a file says of the feature, without what is as it is by default. */
                config: {
                    [key: string]: any;
                };
                [key: string]: any;
            }[];
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/export${QS.query(QS.explode({
        source,
        tag
    }))}`, {
        ...opts
    }));
}
/**
 * How far each edge is, and which regions send telemetry
 */
export function listEdges(opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Edges;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/edges", {
        ...opts
    }));
}
/**
 * Messages and edges that keep failing
 */
export function listDeadLetters(opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            deadLetters: DeadLetter[];
        };
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/dead-letters", {
        ...opts
    }));
}
/**
 * Where a feature's newest change has arrived, and after how many milliseconds
 */
export function getDelivery(featureId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: FeatureDelivery;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/delivery`, {
        ...opts
    }));
}
/**
 * The signed receipt of a feature's newest rollback
 */
export function getReceipt(featureId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Receipt;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/features/${encodeURIComponent(featureId)}/receipt`, {
        ...opts
    }));
}
/**
 * The signed receipts of all rollbacks of one revision
 */
export function listReceipts(revision: number, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            receipts: Receipt[];
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/revisions/${encodeURIComponent(revision)}/receipts`, {
        ...opts
    }));
}
/**
 * Check everything that Sluice needs
 */
export function checkHealth(opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Health;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/health", {
        ...opts
    }));
}
/**
 * List the targets of news
 */
export function listNotificationTargets(opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: NotificationTargets;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/notifications", {
        ...opts
    }));
}
/**
 * Add a target of news
 */
export function createNotificationTarget(body: {
    name: string;
    "type": "slack";
    /** Slack's incoming webhook. It is never shown again. */
    url: string;
    /** What it is told of; null: everything. `feature.rolledBack`: A feature was closed by its evidence, by a person or by an alarm. `feature.wouldRollBack`: The evidence speaks against a feature whose rule is in shadow mode, so it stays open. `feature.kept`: A feature is proven to meet every threshold of its rule. `feature.undecided`: The evaluation window of a rule is over without a decision. `feature.untrusted`: The telemetry of a feature cannot be trusted now, so nothing is decided on it. `feature.opened`: A person opened a feature. `feature.created`: A feature was made. `feature.changed`: Fields of a feature were changed. `feature.ruleChanged`: The rule of a feature was set or changed. `feature.rolloutChanged`: The rollout or the holdout of a feature was changed by a person or by its ramp. `feature.trialRestarted`: A person let the trial of a feature begin anew. `feature.deleted`: A feature was deleted. `approval.asked`: A change waits for a second person. `approval.applied`: A change was approved and carried out. `approval.ended`: A request for approval was rejected or withdrawn, or what it was about has moved or failed. `approval.policyChanged`: The tags whose features need a second person were changed. `schedule.planned`: A change was planned for a time. `schedule.done`: A planned change was carried out. `schedule.skipped`: A planned change was left out or could not be carried out. `schedule.cancelled`: Somebody cancelled a planned change. `hook.fired`: An alert closed features by a hook, or would have if the hook were not in shadow mode. `review.weekly`: Once a week (`REVIEW_AT`): what was rolled back, never decides, can be removed, or is used by nobody. `edge.unconfirmed`: A rollback has not reached every region of every edge within 30 s. */
    events?: ("feature.rolledBack" | "feature.wouldRollBack" | "feature.kept" | "feature.undecided" | "feature.untrusted" | "feature.opened" | "feature.created" | "feature.changed" | "feature.ruleChanged" | "feature.rolloutChanged" | "feature.trialRestarted" | "feature.deleted" | "approval.asked" | "approval.applied" | "approval.ended" | "approval.policyChanged" | "schedule.planned" | "schedule.done" | "schedule.skipped" | "schedule.cancelled" | "hook.fired" | "review.weekly" | "edge.unconfirmed")[] | null;
    /** Only news of these features, and of features with one of `tags`; with neither, of all. News about no feature is told whatever they are. */
    features?: string[] | null;
    tags?: string[] | null;
    /** false: it is told nothing. A receiver that answers 410 disables its target. */
    enabled?: boolean;
} | {
    name: string;
    "type": "webhook";
    /** https, without a user name or password. */
    url: string;
    /** Absent: one is made, and shown in this answer alone. */
    secret?: string;
    /** What it is told of; null: everything. `feature.rolledBack`: A feature was closed by its evidence, by a person or by an alarm. `feature.wouldRollBack`: The evidence speaks against a feature whose rule is in shadow mode, so it stays open. `feature.kept`: A feature is proven to meet every threshold of its rule. `feature.undecided`: The evaluation window of a rule is over without a decision. `feature.untrusted`: The telemetry of a feature cannot be trusted now, so nothing is decided on it. `feature.opened`: A person opened a feature. `feature.created`: A feature was made. `feature.changed`: Fields of a feature were changed. `feature.ruleChanged`: The rule of a feature was set or changed. `feature.rolloutChanged`: The rollout or the holdout of a feature was changed by a person or by its ramp. `feature.trialRestarted`: A person let the trial of a feature begin anew. `feature.deleted`: A feature was deleted. `approval.asked`: A change waits for a second person. `approval.applied`: A change was approved and carried out. `approval.ended`: A request for approval was rejected or withdrawn, or what it was about has moved or failed. `approval.policyChanged`: The tags whose features need a second person were changed. `schedule.planned`: A change was planned for a time. `schedule.done`: A planned change was carried out. `schedule.skipped`: A planned change was left out or could not be carried out. `schedule.cancelled`: Somebody cancelled a planned change. `hook.fired`: An alert closed features by a hook, or would have if the hook were not in shadow mode. `review.weekly`: Once a week (`REVIEW_AT`): what was rolled back, never decides, can be removed, or is used by nobody. `edge.unconfirmed`: A rollback has not reached every region of every edge within 30 s. */
    events?: ("feature.rolledBack" | "feature.wouldRollBack" | "feature.kept" | "feature.undecided" | "feature.untrusted" | "feature.opened" | "feature.created" | "feature.changed" | "feature.ruleChanged" | "feature.rolloutChanged" | "feature.trialRestarted" | "feature.deleted" | "approval.asked" | "approval.applied" | "approval.ended" | "approval.policyChanged" | "schedule.planned" | "schedule.done" | "schedule.skipped" | "schedule.cancelled" | "hook.fired" | "review.weekly" | "edge.unconfirmed")[] | null;
    /** Only news of these features, and of features with one of `tags`; with neither, of all. News about no feature is told whatever they are. */
    features?: string[] | null;
    tags?: string[] | null;
    /** false: it is told nothing. A receiver that answers 410 disables its target. */
    enabled?: boolean;
} | {
    name: string;
    "type": "email";
    /** Who gets the e-mail. */
    to: string[];
    /** What it is told of; null: everything. `feature.rolledBack`: A feature was closed by its evidence, by a person or by an alarm. `feature.wouldRollBack`: The evidence speaks against a feature whose rule is in shadow mode, so it stays open. `feature.kept`: A feature is proven to meet every threshold of its rule. `feature.undecided`: The evaluation window of a rule is over without a decision. `feature.untrusted`: The telemetry of a feature cannot be trusted now, so nothing is decided on it. `feature.opened`: A person opened a feature. `feature.created`: A feature was made. `feature.changed`: Fields of a feature were changed. `feature.ruleChanged`: The rule of a feature was set or changed. `feature.rolloutChanged`: The rollout or the holdout of a feature was changed by a person or by its ramp. `feature.trialRestarted`: A person let the trial of a feature begin anew. `feature.deleted`: A feature was deleted. `approval.asked`: A change waits for a second person. `approval.applied`: A change was approved and carried out. `approval.ended`: A request for approval was rejected or withdrawn, or what it was about has moved or failed. `approval.policyChanged`: The tags whose features need a second person were changed. `schedule.planned`: A change was planned for a time. `schedule.done`: A planned change was carried out. `schedule.skipped`: A planned change was left out or could not be carried out. `schedule.cancelled`: Somebody cancelled a planned change. `hook.fired`: An alert closed features by a hook, or would have if the hook were not in shadow mode. `review.weekly`: Once a week (`REVIEW_AT`): what was rolled back, never decides, can be removed, or is used by nobody. `edge.unconfirmed`: A rollback has not reached every region of every edge within 30 s. */
    events?: ("feature.rolledBack" | "feature.wouldRollBack" | "feature.kept" | "feature.undecided" | "feature.untrusted" | "feature.opened" | "feature.created" | "feature.changed" | "feature.ruleChanged" | "feature.rolloutChanged" | "feature.trialRestarted" | "feature.deleted" | "approval.asked" | "approval.applied" | "approval.ended" | "approval.policyChanged" | "schedule.planned" | "schedule.done" | "schedule.skipped" | "schedule.cancelled" | "hook.fired" | "review.weekly" | "edge.unconfirmed")[] | null;
    /** Only news of these features, and of features with one of `tags`; with neither, of all. News about no feature is told whatever they are. */
    features?: string[] | null;
    tags?: string[] | null;
    /** false: it is told nothing. A receiver that answers 410 disables its target. */
    enabled?: boolean;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 201;
        data: NewNotificationTarget;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/notifications", oazapfts.json({
        ...opts,
        method: "POST",
        body
    })));
}
/**
 * Read a target and how its messages fare
 */
export function getNotificationTarget(name: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: NotificationTarget;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/notifications/${encodeURIComponent(name)}`, {
        ...opts
    }));
}
/**
 * Change a target
 */
export function updateNotificationTarget(name: string, ifMatch: string, body: {
    "type": "slack";
    /** Absent: it stays as it is. */
    url?: string;
    /** What it is told of; null: everything. `feature.rolledBack`: A feature was closed by its evidence, by a person or by an alarm. `feature.wouldRollBack`: The evidence speaks against a feature whose rule is in shadow mode, so it stays open. `feature.kept`: A feature is proven to meet every threshold of its rule. `feature.undecided`: The evaluation window of a rule is over without a decision. `feature.untrusted`: The telemetry of a feature cannot be trusted now, so nothing is decided on it. `feature.opened`: A person opened a feature. `feature.created`: A feature was made. `feature.changed`: Fields of a feature were changed. `feature.ruleChanged`: The rule of a feature was set or changed. `feature.rolloutChanged`: The rollout or the holdout of a feature was changed by a person or by its ramp. `feature.trialRestarted`: A person let the trial of a feature begin anew. `feature.deleted`: A feature was deleted. `approval.asked`: A change waits for a second person. `approval.applied`: A change was approved and carried out. `approval.ended`: A request for approval was rejected or withdrawn, or what it was about has moved or failed. `approval.policyChanged`: The tags whose features need a second person were changed. `schedule.planned`: A change was planned for a time. `schedule.done`: A planned change was carried out. `schedule.skipped`: A planned change was left out or could not be carried out. `schedule.cancelled`: Somebody cancelled a planned change. `hook.fired`: An alert closed features by a hook, or would have if the hook were not in shadow mode. `review.weekly`: Once a week (`REVIEW_AT`): what was rolled back, never decides, can be removed, or is used by nobody. `edge.unconfirmed`: A rollback has not reached every region of every edge within 30 s. */
    events?: ("feature.rolledBack" | "feature.wouldRollBack" | "feature.kept" | "feature.undecided" | "feature.untrusted" | "feature.opened" | "feature.created" | "feature.changed" | "feature.ruleChanged" | "feature.rolloutChanged" | "feature.trialRestarted" | "feature.deleted" | "approval.asked" | "approval.applied" | "approval.ended" | "approval.policyChanged" | "schedule.planned" | "schedule.done" | "schedule.skipped" | "schedule.cancelled" | "hook.fired" | "review.weekly" | "edge.unconfirmed")[] | null;
    /** Only news of these features, and of features with one of `tags`; with neither, of all. News about no feature is told whatever they are. */
    features?: string[] | null;
    tags?: string[] | null;
    /** false: it is told nothing. A receiver that answers 410 disables its target. */
    enabled?: boolean;
} | {
    "type": "webhook";
    /** Absent: it stays as it is. */
    url?: string;
    /** What it is told of; null: everything. `feature.rolledBack`: A feature was closed by its evidence, by a person or by an alarm. `feature.wouldRollBack`: The evidence speaks against a feature whose rule is in shadow mode, so it stays open. `feature.kept`: A feature is proven to meet every threshold of its rule. `feature.undecided`: The evaluation window of a rule is over without a decision. `feature.untrusted`: The telemetry of a feature cannot be trusted now, so nothing is decided on it. `feature.opened`: A person opened a feature. `feature.created`: A feature was made. `feature.changed`: Fields of a feature were changed. `feature.ruleChanged`: The rule of a feature was set or changed. `feature.rolloutChanged`: The rollout or the holdout of a feature was changed by a person or by its ramp. `feature.trialRestarted`: A person let the trial of a feature begin anew. `feature.deleted`: A feature was deleted. `approval.asked`: A change waits for a second person. `approval.applied`: A change was approved and carried out. `approval.ended`: A request for approval was rejected or withdrawn, or what it was about has moved or failed. `approval.policyChanged`: The tags whose features need a second person were changed. `schedule.planned`: A change was planned for a time. `schedule.done`: A planned change was carried out. `schedule.skipped`: A planned change was left out or could not be carried out. `schedule.cancelled`: Somebody cancelled a planned change. `hook.fired`: An alert closed features by a hook, or would have if the hook were not in shadow mode. `review.weekly`: Once a week (`REVIEW_AT`): what was rolled back, never decides, can be removed, or is used by nobody. `edge.unconfirmed`: A rollback has not reached every region of every edge within 30 s. */
    events?: ("feature.rolledBack" | "feature.wouldRollBack" | "feature.kept" | "feature.undecided" | "feature.untrusted" | "feature.opened" | "feature.created" | "feature.changed" | "feature.ruleChanged" | "feature.rolloutChanged" | "feature.trialRestarted" | "feature.deleted" | "approval.asked" | "approval.applied" | "approval.ended" | "approval.policyChanged" | "schedule.planned" | "schedule.done" | "schedule.skipped" | "schedule.cancelled" | "hook.fired" | "review.weekly" | "edge.unconfirmed")[] | null;
    /** Only news of these features, and of features with one of `tags`; with neither, of all. News about no feature is told whatever they are. */
    features?: string[] | null;
    tags?: string[] | null;
    /** false: it is told nothing. A receiver that answers 410 disables its target. */
    enabled?: boolean;
} | {
    "type": "email";
    /** Absent: it stays as it is. */
    to?: string[];
    /** What it is told of; null: everything. `feature.rolledBack`: A feature was closed by its evidence, by a person or by an alarm. `feature.wouldRollBack`: The evidence speaks against a feature whose rule is in shadow mode, so it stays open. `feature.kept`: A feature is proven to meet every threshold of its rule. `feature.undecided`: The evaluation window of a rule is over without a decision. `feature.untrusted`: The telemetry of a feature cannot be trusted now, so nothing is decided on it. `feature.opened`: A person opened a feature. `feature.created`: A feature was made. `feature.changed`: Fields of a feature were changed. `feature.ruleChanged`: The rule of a feature was set or changed. `feature.rolloutChanged`: The rollout or the holdout of a feature was changed by a person or by its ramp. `feature.trialRestarted`: A person let the trial of a feature begin anew. `feature.deleted`: A feature was deleted. `approval.asked`: A change waits for a second person. `approval.applied`: A change was approved and carried out. `approval.ended`: A request for approval was rejected or withdrawn, or what it was about has moved or failed. `approval.policyChanged`: The tags whose features need a second person were changed. `schedule.planned`: A change was planned for a time. `schedule.done`: A planned change was carried out. `schedule.skipped`: A planned change was left out or could not be carried out. `schedule.cancelled`: Somebody cancelled a planned change. `hook.fired`: An alert closed features by a hook, or would have if the hook were not in shadow mode. `review.weekly`: Once a week (`REVIEW_AT`): what was rolled back, never decides, can be removed, or is used by nobody. `edge.unconfirmed`: A rollback has not reached every region of every edge within 30 s. */
    events?: ("feature.rolledBack" | "feature.wouldRollBack" | "feature.kept" | "feature.undecided" | "feature.untrusted" | "feature.opened" | "feature.created" | "feature.changed" | "feature.ruleChanged" | "feature.rolloutChanged" | "feature.trialRestarted" | "feature.deleted" | "approval.asked" | "approval.applied" | "approval.ended" | "approval.policyChanged" | "schedule.planned" | "schedule.done" | "schedule.skipped" | "schedule.cancelled" | "hook.fired" | "review.weekly" | "edge.unconfirmed")[] | null;
    /** Only news of these features, and of features with one of `tags`; with neither, of all. News about no feature is told whatever they are. */
    features?: string[] | null;
    tags?: string[] | null;
    /** false: it is told nothing. A receiver that answers 410 disables its target. */
    enabled?: boolean;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: NotificationTarget;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 428;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/notifications/${encodeURIComponent(name)}`, oazapfts.json({
        ...opts,
        method: "PUT",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch
        })
    })));
}
/**
 * Remove a target
 */
export function deleteNotificationTarget(name: string, ifMatch: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 428;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/notifications/${encodeURIComponent(name)}`, {
        ...opts,
        method: "DELETE",
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch
        })
    }));
}
/**
 * Change the secret of a webhook
 */
export function changeNotificationSecret(name: string, body: {
    /** Absent: one is made. */
    secret?: string;
    /** How long the secret of before signs too, so that a receiver can change over. */
    keepPreviousSeconds?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            /** It is shown this once. */
            secret: string;
            previousSecretUntil: string;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/notifications/${encodeURIComponent(name)}/secret`, oazapfts.json({
        ...opts,
        method: "POST",
        body
    })));
}
/**
 * Send a test message, and tell what became of it
 */
export function testNotificationTarget(name: string, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            delivered: boolean;
            error: string | null;
            ms: number;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/notifications/${encodeURIComponent(name)}/test`, {
        ...opts,
        method: "POST",
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    }));
}
/**
 * Tell a target once more what was announced since a time
 */
export function redeliverNotifications(name: string, body: {
    /** News that was announced from then on is told again. News is kept for 30 days. */
    since: string;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            queued: number;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/notifications/${encodeURIComponent(name)}/redeliver`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * List tokens, revoked ones too
 */
export function listTokens({ limit, after }: {
    limit?: number;
    after?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            tokens: Token[];
            /** Where the next page begins; null on the last one. */
            next: string | number | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/tokens${QS.query(QS.explode({
        limit,
        after
    }))}`, {
        ...opts
    }));
}
/**
 * Make a token
 */
export function createToken(body: {
    /** Who or what holds it; the audit names it so. */
    name: string;
    /** `viewer` reads, `editor` changes features, `admin` does everything. `ingest` sends telemetry and nothing else. */
    scope: "viewer" | "editor" | "admin" | "ingest";
    /** It may change features with one of these tags only; null: any feature. */
    tags?: string[] | null;
    /** null: it does not expire. */
    expiresAt?: string | null;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 201;
        data: NewToken;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/tokens", oazapfts.json({
        ...opts,
        method: "POST",
        body
    })));
}
/**
 * Revoke a token
 */
export function revokeToken(tokenId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/tokens/${encodeURIComponent(tokenId)}`, {
        ...opts,
        method: "DELETE"
    }));
}
/**
 * List people who are signed in
 */
export function listSessions({ limit, after }: {
    limit?: number;
    after?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            sessions: Session[];
            /** Where the next page begins; null on the last one. */
            next: string | number | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/sessions${QS.query(QS.explode({
        limit,
        after
    }))}`, {
        ...opts
    }));
}
/**
 * End all sessions of a person
 */
export function endSessionsOf(actor: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: EndedSessions;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/sessions${QS.query(QS.explode({
        actor
    }))}`, {
        ...opts,
        method: "DELETE"
    }));
}
/**
 * End a session
 */
export function endSession(sessionId: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/sessions/${encodeURIComponent(sessionId)}`, {
        ...opts,
        method: "DELETE"
    }));
}
/**
 * Make a link that signs in once
 */
export function createSignInLink(opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 201;
        data: SignInLink;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/sign-in-links", {
        ...opts,
        method: "POST"
    }));
}
/**
 * List hooks by name
 */
export function listHooks(opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            hooks: Hook[];
        };
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/hooks", {
        ...opts
    }));
}
/**
 * Make a hook for an alerting system
 */
export function createHook(body: {
    name: string;
    /** Whose payload and signature it takes. `generic` is Alertmanager's form, signed by Standard Webhooks. */
    source: "alertmanager" | "grafana" | "datadog" | "pagerduty" | "generic";
    /** Whether the sender shows the secret in the Authorization header, or signs with it. */
    authentication?: "secret" | "signature";
    /** `shadow` records what alerts would close, `enforce` closes it. */
    mode?: "shadow" | "enforce";
    /** Every alert closes this feature; null: a label names it, or the tag counts. */
    featureId?: string | null;
    /** Every alert closes all features with this tag. */
    tag?: string | null;
    /** The label of an alert that names the feature to close. */
    featureLabel?: string;
    /** The label of an alert that names the tag to close. */
    tagLabel?: string;
    /** Features that an alert may name. What requires them closes with them. */
    allowedFeatures?: string[];
    /** An alert may name one of these tags, or a feature that has one of them. */
    allowedTags?: string[];
    /** Where the alerting system makes the secret, as PagerDuty does. Else one is made here. */
    secret?: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 201;
        data: NewHook;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/hooks", oazapfts.json({
        ...opts,
        method: "POST",
        body
    })));
}
/**
 * Replace a hook's secret
 */
export function replaceHookSecret(name: string, ifMatch: string, body: {
    /** Where the alerting system makes the secret, as PagerDuty does. Else one is made here. */
    secret?: string;
    /** So long the old secret is taken too. */
    keepOldSeconds?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: NewHook;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 428;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/hooks/${encodeURIComponent(name)}/secret`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "If-Match": ifMatch
        })
    })));
}
/**
 * What a payload would close, if the hook were to close it
 */
export function testHook(name: string, body: {
    [key: string]: any;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            mode: "shadow" | "enforce";
            alerts: {
                /** One firing of the alert; null: it could not be read. */
                key: string | null;
                title: string;
                /** What became of it. */
                outcome: "rolledBack" | "wouldRollBack" | "alreadyClosed" | "repeated" | "beganBefore" | "resolved" | "ignored" | "noTarget" | "notAllowed" | "unknownFeature" | "unreadable" | "leftOut" | "failed";
                /** The same in a sentence. */
                detail: string;
                /** What it closed, or would close. */
                featureIds: string[];
                revision: number | null;
            }[];
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/hooks/${encodeURIComponent(name)}/test`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Idempotency-Key": idempotencyKey
        })
    })));
}
/**
 * What came to a hook and what became of it, the newest first
 */
export function listHookDeliveries(name: string, { limit, before }: {
    limit?: number;
    before?: number;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: {
            deliveries: {
                id: number;
                at: string;
                mode: "shadow" | "enforce";
                alerts: {
                    /** One firing of the alert; null: it could not be read. */
                    key: string | null;
                    title: string;
                    /** What became of it. */
                    outcome: "rolledBack" | "wouldRollBack" | "alreadyClosed" | "repeated" | "beganBefore" | "resolved" | "ignored" | "noTarget" | "notAllowed" | "unknownFeature" | "unreadable" | "leftOut" | "failed";
                    /** The same in a sentence. */
                    detail: string;
                    /** What it closed, or would close. */
                    featureIds: string[];
                    revision: number | null;
                }[];
            }[];
            /** Where the next page begins; null on the last one. */
            next: string | number | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/hooks/${encodeURIComponent(name)}/deliveries${QS.query(QS.explode({
        limit,
        before
    }))}`, {
        ...opts
    }));
}
/**
 * Delete what is kept of a visitor or user
 */
export function forgetUnit(body: {
    unit: string;
    /** The audit keeps it. Do not name the unit in it. */
    reason?: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Forgotten;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/forget", oazapfts.json({
        ...opts,
        method: "POST",
        body
    })));
}
/**
 * Who the caller is, and what it may do
 */
export function getMe(opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: Me;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/me", {
        ...opts
    }));
}
/**
 * End what the request came with
 */
export function endMe(opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>("/me", {
        ...opts,
        method: "DELETE"
    }));
}
/**
 * Watch changes and evaluations as they come
 */
export function watchEvents({ lastEventId }: {
    lastEventId?: number | null;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.ok(oazapfts.fetchJson<{
        status: 200;
        data: string;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 500;
        data: Problem;
    }>(`/events${QS.query(QS.explode({
        lastEventId
    }))}`, {
        ...opts
    }));
}
