// How the cohort of a unit is stored: two bits of a record in the log, and the column `cohort` of unit_evidence with the
// views over it. A unit's cohort is the highest code that was stored of it, so the order of the codes matters.

/** No span has named the variant so far. Such units count as treatment: a site that has no holdout need not name it. */
export const UNNAMED = 0;
export const TREATMENT = 1;
export const HOLDOUT = 2;
/** Not a cohort: nothing of the unit counts. It is a bot, or was left out because its network had made up its share. */
export const BOT = 3;

/** The bits of a record's flags that hold the code. */
export const COHORT_MASK = 0b11;
