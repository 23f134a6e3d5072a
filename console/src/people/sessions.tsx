// People who are signed in, and the end of their sessions.
import { useState } from "preact/hooks";
import { whyNot } from "../api.ts";
import { endSession, endSessionsOf, listSessions, type Session } from "../client.gen.ts";
import { formatCount } from "../format.ts";
import { Action } from "../parts/action.tsx";
import { Ask } from "../parts/ask.tsx";
import { Loaded } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { browserOf } from "./browser-of.ts";

const METHODS = { token: "with a token", link: "by a link", oidc: "at the provider" } as const;

const EndOne = ({ session, close }: { session: Session; close: () => void }) => (
  <Ask
    title={`End this session of ${session.actor}?`}
    confirm="End the session"
    tone="bad"
    run={() => endSession(session.sessionId)}
    close={close}
  >
    <p>
      {session.isThisOne
        ? "It is the one that you use now: you will be signed out."
        : "That browser is signed out at once, at every origin."}{" "}
      What was done stays done. The person can sign in again, unless the token is revoked or the role at the
      provider is gone.
    </p>
  </Ask>
);

const EndAll = ({ actor, count, close }: { actor: string; count: number; close: () => void }) => (
  <Ask
    title={`End all sessions of ${actor}?`}
    confirm={`End ${formatCount(count)} ${count === 1 ? "session" : "sessions"}`}
    tone="bad"
    run={() => endSessionsOf(actor)}
    close={close}
  >
    <p>
      Every browser in which {actor} is signed in is signed out at once, at every origin. To keep the person
      out, revoke the token or take the role away at the provider as well.
    </p>
  </Ask>
);

export const Sessions = () => {
  const sessions = useResource("sessions", () => listSessions({ limit: 500 }), { everyMs: 10_000 });
  const [ending, setEnding] = useState<{ session: Session; all: boolean } | null>(null);
  const refusal = whyNot("admin");
  const close = (): void => {
    setEnding(null);
    sessions.reload();
  };
  return (
    <Loaded from={sessions}>
      {({ sessions: rows }) => {
        const countOf = (actor: string): number => rows.filter((each) => each.actor === actor).length;
        return (
          <>
            <Rows
              rows={rows.toSorted((a, b) => (a.actor < b.actor ? -1 : a.actor > b.actor ? 1 : 0))}
              keyOf={({ sessionId }) => sessionId}
              empty="Nobody is signed in: you are here with ADMIN_TOKEN or a token."
              columns={[
                {
                  name: "Person",
                  cell: ({ actor, isThisOne }) => (
                    <>
                      {actor} {isThisOne ? <small>this browser</small> : null}
                    </>
                  ),
                },
                {
                  name: "May do",
                  cell: ({ scope, tags }) => (
                    <>
                      {scope}
                      {tags === null ? null : <small>tagged {tags.join(", ")}</small>}
                    </>
                  ),
                },
                {
                  name: "Signed in",
                  cell: ({ method, createdAt }) => (
                    <>
                      <Time at={createdAt} ago /> <small>{METHODS[method]}</small>
                    </>
                  ),
                },
                {
                  name: "Browser",
                  cell: ({ userAgent }) => <span title={userAgent ?? undefined}>{browserOf(userAgent)}</span>,
                },
                { name: "Last seen", cell: ({ lastSeenAt }) => <Time at={lastSeenAt} ago /> },
                { name: "Ends", cell: ({ expiresAt }) => <Time at={expiresAt} ago /> },
                {
                  name: "End",
                  cell: (session) => (
                    <div class="actions">
                      <Action
                        name="End"
                        tone="bad"
                        refusal={refusal}
                        onClick={() => setEnding({ session, all: false })}
                      />
                      {countOf(session.actor) > 1 ? (
                        <Action
                          name={`End all of ${session.actor}`}
                          tone="bad"
                          refusal={refusal}
                          onClick={() => setEnding({ session, all: true })}
                        />
                      ) : null}
                    </div>
                  ),
                },
              ]}
            />
            {ending === null ? null : ending.all ? (
              <EndAll actor={ending.session.actor} count={countOf(ending.session.actor)} close={close} />
            ) : (
              <EndOne session={ending.session} close={close} />
            )}
          </>
        );
      }}
    </Loaded>
  );
};
