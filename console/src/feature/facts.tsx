import type { Feature, Why } from "../client.gen.ts";
import { formatBps, formatCount } from "../format.ts";
import { Term } from "../parts/term.tsx";
import { Time } from "../parts/time.tsx";

export const Facts = ({ feature, why }: { feature: Feature; why: Why }) => (
  <dl class="facts">
    <dt>Rollout</dt>
    <dd>
      {formatBps(feature.rolloutBps)}, <Term of="holdout">holdout</Term> {formatBps(feature.holdoutBps ?? 0)}
    </dd>
    <dt>
      <Term of="treatment">In treatment</Term>
    </dt>
    <dd>
      {formatCount(why.cohorts.treatment.exposed)} people, {formatCount(why.cohorts.holdout.exposed)} in the
      holdout
    </dd>
    <dt>Last seen</dt>
    <dd>{why.newestExposureAt === null ? "nobody yet" : <Time at={why.newestExposureAt} ago />}</dd>
    {feature.owner === null ? null : (
      <>
        <dt>Owner</dt>
        <dd>{feature.owner}</dd>
      </>
    )}
    {feature.routes == null || feature.routes.length === 0 ? null : (
      <>
        <dt>Routes</dt>
        <dd>
          {feature.routes.map(({ path }) => (
            <code key={path}>{path} </code>
          ))}
        </dd>
      </>
    )}
    {feature.link === null ? null : (
      <>
        <dt>Link</dt>
        <dd>
          <a href={feature.link} rel="noreferrer">
            {feature.link}
          </a>
        </dd>
      </>
    )}
  </dl>
);
