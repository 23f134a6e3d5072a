// Hours in which units came in another way than usual: ten times as many, units that send nothing again, or many of one network at
// once. Somebody may make such units to buy a verdict. Blind to cohorts.

/** Units that were first exposed in the hour that begins at `hourS` (unix seconds). */
export type Hour = {
  readonly hourS: number;
  readonly units: number;
  /** of these: those that sent anything again */
  readonly seenAgain: number;
  /** of these: those of the network that had most of them */
  readonly largestNetwork: number;
};

export const ANOMALIES = ["crowd", "seen-once", "one-network"] as const;
export type AnomalyKind = (typeof ANOMALIES)[number];

/** `usual`: units an hour for a crowd, else the share that is usual. */
export type Anomaly = Hour & { readonly kind: AnomalyKind; readonly usual: number };

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** How many is usual is known after a night and a day, from hours in which anybody came: some sites sleep for most of the week. */
const LEAST_SECONDS = DAY;
const LEAST_HOURS = 12;
/** Shares are those of hours with at least so many units. */
const LEAST_UNITS = 20;
const CROWD = 10;
/** The share that is seen again is half of the usual, … */
const SEEN_AGAIN = 1 / 2;
/** … and more units come than usual at this time of the day. Where no more come, the feature may be broken. */
const MORE_UNITS = 1.5;
const LEAST_DAYS = 2;
/** One network has three times as many, and a fifth at least. */
const ONE_NETWORK = 3;
const LEAST_OF_NETWORK = 0.2;
/** Chance moves few units by so many standard deviations. */
const DEVIATIONS = 4;
/** A unit has this long to send something again. */
const TIME_TO_SEE_AGAIN_S = 900;

const median = (values: readonly number[]): number => {
  const rising = values.toSorted((one, other) => one - other);
  return rising[Math.floor(rising.length / 2)] ?? 0;
};

/** null: not enough hours to know. */
const usualShare = (hours: readonly Hour[], shareOf: (hour: Hour) => number): number | null => {
  const shares = hours.filter(({ units }) => units >= LEAST_UNITS).map(shareOf);
  return shares.length < LEAST_HOURS ? null : median(shares);
};

const seenAgainOf = ({ seenAgain, units }: Hour): number => Math.min(1, seenAgain / units);
const largestOf = ({ largestNetwork, units }: Hour): number => Math.min(1, largestNetwork / units);

const isCrowd = ({ units }: Hour, usual: number): boolean => {
  const many = CROWD * usual;
  return units > many + DEVIATIONS * Math.sqrt(many);
};

/** Of about the same time on other days; null: there are too few. */
const usualAt = ({ hourS }: Hour, hours: readonly Hour[]): number | null => {
  const others = hours.filter((other) => {
    const apart = Math.abs(other.hourS - hourS);
    const ofDay = apart % DAY;
    return apart > HOUR && Math.min(ofDay, DAY - ofDay) <= HOUR;
  });
  return others.length < LEAST_DAYS ? null : median(others.map(({ units }) => units));
};

const isSeenOnce = (
  hour: Hour,
  usual: number,
  { hours, upTo }: { hours: readonly Hour[]; upTo: number },
): boolean => {
  const { hourS, units } = hour;
  if (units < LEAST_UNITS || hourS + HOUR + TIME_TO_SEE_AGAIN_S > upTo) return false;
  const least = SEEN_AGAIN * usual;
  if (seenAgainOf(hour) >= least - DEVIATIONS * Math.sqrt((least * (1 - least)) / units)) return false;
  const usualUnits = usualAt(hour, hours);
  return usualUnits !== null && units > MORE_UNITS * usualUnits;
};

const isOneNetwork = (hour: Hour, usual: number): boolean =>
  hour.largestNetwork >= LEAST_UNITS && largestOf(hour) >= Math.max(LEAST_OF_NETWORK, ONE_NETWORK * usual);

/**
 * By rising hour. `hours`: those in which anybody came, in rising order. `since`: begin of the trial; `sameSharesSince`: since when
 * the rollout is what it is, as a crowd is told by the number of units; `upTo`: the time (unix seconds).
 */
export const findAnomalies = (
  hours: readonly Hour[],
  { since, sameSharesSince, upTo }: { since: number; sameSharesSince: number; upTo: number },
): Anomaly[] => {
  const known = hours.filter(({ hourS }) => hourS + HOUR > since && hourS < upTo);
  const crowdFrom = Math.max(since, sameSharesSince);
  const counted = known.filter(({ hourS }) => hourS >= crowdFrom);
  const usualUnits =
    upTo - crowdFrom < LEAST_SECONDS || counted.length < LEAST_HOURS
      ? null
      : median(counted.map(({ units }) => units));
  const usualSeenAgain = usualShare(known, seenAgainOf);
  const usualLargest = usualShare(known, largestOf);
  return known.flatMap((hour): Anomaly[] => {
    if (usualUnits !== null && hour.hourS >= crowdFrom && isCrowd(hour, usualUnits))
      return [{ ...hour, kind: "crowd", usual: usualUnits }];
    if (usualSeenAgain !== null && isSeenOnce(hour, usualSeenAgain, { hours: known, upTo }))
      return [{ ...hour, kind: "seen-once", usual: usualSeenAgain }];
    if (usualLargest !== null && isOneNetwork(hour, usualLargest))
      return [{ ...hour, kind: "one-network", usual: usualLargest }];
    return [];
  });
};
