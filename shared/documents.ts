// `import … from "sluice"`: the forms of the two documents that programs outside write, a feature's state and its rule.
export { FeatureState } from "./features/feature.ts";
export { Rule } from "./features/rule.ts";
