import { Component } from "preact";
import type { ListedFeature } from "../client.gen.ts";
import { formatBps, formatCount } from "../format.ts";
import { Badge } from "../parts/badge.tsx";
import { Time } from "../parts/time.tsx";
import { stateOf } from "../words.ts";
import { inSightOf, sentenceOf } from "./in-sight.ts";
import { SignalBullet } from "./signal-bullet.tsx";
import { Sparkline } from "./sparkline.tsx";

/** Rollout, and where on its ramp it is. */
const stageOf = ({ enabled, rolloutBps, ramp, mode }: ListedFeature): string => {
  const parts = [enabled ? formatBps(rolloutBps) : ""];
  if (enabled && ramp !== null) {
    const stage = ramp.stagesBps.findLastIndex((bps) => bps <= rolloutBps) + 1;
    parts.push(`stage ${stage} of ${ramp.stagesBps.length}${ramp.paused ? ", paused" : ""}`);
  }
  if (mode === "shadow") parts.push("shadow");
  return parts.filter((part) => part !== "").join(" · ");
};

/** It may be broken behind its hyphens and underlines. */
const breakable = (featureId: string) =>
  featureId.split(/(?<=[_.-])/).flatMap((part, at) => (at === 0 ? [part] : [<wbr key={at} />, part]));

/** A row is drawn again when its feature changed, and not when another one did: there may be a thousand. */
export class FeatureRow extends Component<{ feature: ListedFeature }> {
  override shouldComponentUpdate(next: { feature: ListedFeature }): boolean {
    return next.feature !== this.props.feature;
  }

  override render() {
    const { feature } = this.props;
    const { featureId, tags, owner, standing } = feature;
    const sentence = sentenceOf(feature);
    const sight = inSightOf(feature);
    return (
      <tr role="row" data-feature={featureId}>
        <th role="rowheader" scope="row">
          <a class="name" href={`/features/${encodeURIComponent(featureId)}`} title={featureId}>
            {breakable(featureId)}
          </a>
          <span class="labels">
            {owner === null ? null : <a href={`/?owner=${encodeURIComponent(owner)}`}>{owner}</a>}
            {tags.map((tag) => (
              <a key={tag} class="tag" href={`/?tag=${encodeURIComponent(tag)}`}>
                {tag}
              </a>
            ))}
          </span>
        </th>
        <td role="cell" class="state">
          <Badge state={stateOf(feature)} />
          <small>{stageOf(feature)}</small>
        </td>
        <td role="cell" class="cohorts number" data-name="People">
          {standing === null ? "–" : formatCount(standing.cohorts.treatment)}
          {standing !== null && standing.cohorts.holdout > 0 ? (
            <small>holdout {formatCount(standing.cohorts.holdout)}</small>
          ) : null}
        </td>
        <td role="cell" class="signals" data-name="Signals">
          {standing === null || standing.signals.length === 0 ? (
            <span class="none">–</span>
          ) : (
            <ul>
              {standing.signals.map((signal) => (
                <SignalBullet key={signal.signal} signal={signal} />
              ))}
            </ul>
          )}
        </td>
        <td role="cell" class="score" data-name="Score">
          <Sparkline scores={standing?.scores ?? []} />
        </td>
        <td role="cell" class="decision">
          {sight === "" ? null : <strong>{sight}</strong>}
          <span class="sentence" title={sentence}>
            {sentence}
          </span>
        </td>
        <td role="cell" class="times">
          <Time at={feature.updatedAt} ago="narrow" />
          {standing === null || standing.telemetryAt === null ? (
            <small>not heard of</small>
          ) : (
            <small>
              heard <Time at={standing.telemetryAt} ago="narrow" />
            </small>
          )}
        </td>
      </tr>
    );
  }
}
