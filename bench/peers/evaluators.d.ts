import type { UnitId } from "../../shared/ids.ts";

/** Whether a unit gets the feature. */
export type Evaluator = (unit: UnitId) => boolean;

export declare const makePeers: () => Promise<Record<string, Evaluator>>;
