// Who is told what happens, and whose alerts close features.
import { useState } from "preact/hooks";
import { failureOf, whyNot, type Failure } from "../api.ts";
import { listHooks, listNotificationTargets, testNotificationTarget } from "../client.gen.ts";
import { formatCount } from "../format.ts";
import { AdminOnly } from "../parts/admin-only.tsx";
import { Action } from "../parts/action.tsx";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Notice } from "../parts/notice.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { Term } from "../parts/term.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";

const anyOf = (names: readonly string[] | null): string => names?.join(", ") ?? "all";

const Told = () => {
  const [told, setTold] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const resource = useResource("hooks", async () => {
    const [{ targets }, { hooks }] = await Promise.all([listNotificationTargets(), listHooks()]);
    return { targets, hooks };
  });
  const sendTest = (name: string): void => {
    const run = async (): Promise<void> => {
      setFailure(null);
      try {
        const { delivered, error } = await testNotificationTarget(name);
        setTold(delivered ? `${name} has taken the test message.` : null);
        if (!delivered)
          setFailure({
            ...failureOf(null),
            title: `${name} did not take the test message`,
            details: [error ?? "It does not say why."],
          });
      } catch (error) {
        setTold(null);
        setFailure(failureOf(error));
      }
      resource.reload();
    };
    void run();
  };
  return (
    <>
      {told === null ? null : (
        <p class="notice good" role="status">
          {told}
        </p>
      )}
      {failure === null ? null : <Notice failure={failure} />}
      <Loaded from={resource}>
        {({ targets, hooks }) => (
          <>
            <h2>Told of what happens</h2>
            <Rows
              rows={targets}
              keyOf={({ name }) => name}
              empty="Nobody is told yet: npx sluice notifications add, or SLACK_WEBHOOK_URL."
              columns={[
                {
                  name: "Target",
                  cell: ({ name, type }) => (
                    <>
                      {name} <small>{type}</small>
                    </>
                  ),
                },
                { name: "Address", cell: ({ address }) => <code>{address}</code> },
                {
                  name: "Hears of",
                  cell: ({ events, features, tags }) => (
                    <>
                      {anyOf(events)}
                      {features === null ? null : <small>features {anyOf(features)}</small>}
                      {tags === null ? null : <small>tags {anyOf(tags)}</small>}
                    </>
                  ),
                },
                {
                  name: "State",
                  cell: ({ failingSince, lastError, lastSuccessAt, queued, enabled }) =>
                    !enabled ? (
                      "off"
                    ) : failingSince === null ? (
                      <>
                        well
                        {lastSuccessAt === null ? null : (
                          <small>
                            last <Time at={lastSuccessAt} ago />
                          </small>
                        )}
                      </>
                    ) : (
                      <span class="error">
                        failing since <Time at={failingSince} />: {lastError} ({formatCount(queued)} wait)
                      </span>
                    ),
                },
                {
                  name: "Test",
                  cell: ({ name }) => (
                    <Action name={`Test ${name}`} refusal={whyNot("admin")} onClick={() => sendTest(name)} />
                  ),
                },
              ]}
            />
            <h2>Alerts that close features</h2>
            <Rows
              rows={hooks}
              keyOf={({ name }) => name}
              empty="No alert closes anything yet: npx sluice hooks create."
              columns={[
                {
                  name: "Hook",
                  cell: ({ name, source }) => (
                    <>
                      {name} <small>{source}</small>
                    </>
                  ),
                },
                { name: "Mode", cell: ({ mode }) => <Term of={mode}>{mode}</Term> },
                {
                  name: "Closes",
                  cell: ({ featureId, tag, allowedFeatures, allowedTags }) =>
                    featureId !== null ? (
                      <FeatureLink featureId={featureId} />
                    ) : tag !== null ? (
                      `all features tagged ${tag}`
                    ) : (
                      `what the alert names, of ${[...allowedFeatures, ...allowedTags].join(", ")}`
                    ),
                },
                {
                  name: "Refused last",
                  cell: ({ refusedAt, refusal }) =>
                    refusedAt === null ? (
                      "never"
                    ) : (
                      <>
                        <Time at={refusedAt} ago />: {refusal}
                      </>
                    ),
                },
              ]}
            />
          </>
        )}
      </Loaded>
    </>
  );
};

export default () => (
  <Page title="Hooks and notifications" lead="Who is told what happens, and whose alerts close features.">
    <AdminOnly what="Targets and hooks">
      <Told />
    </AdminOnly>
  </Page>
);
