/*
 * The way of a change from a decision to every edge, for `spin` to search exhaustively: one feature, one edge with one
 * region, two origin processes; every order of their steps and messages, with FAULTS faults anywhere in between.
 * docs/protocol.md names the code of each part. scripts/check-model.ts searches the parts and their mutants. The -D flag
 * of an #ifdef takes one safeguard away, and spin must find a run that breaks the property that the safeguard holds.
 *
 * Each part reads the state of the part before it and never writes it, so the parts can be searched one by one:
 *   ORIGIN  decisions, people -> database -> outbox -> Redis
 *   PUSH    database, after any sequence of changes -> push -> hub -> KV
 *   REGION  hub, moving in any way that PUSH allows -> replica -> isolate
 * PUSH and REGION together are the whole edge, searched with less of everything.
 *
 * Not in the model: how long things take. A timer may go off whenever its process may act. The clock at the end makes
 * each timer go off when nothing else can happen. Other features are the revisions that do not touch this one.
 */

#ifndef FAULTS
#define FAULTS 2
#endif
/* ORIGIN: evaluations that decide ROLLBACK, and times that a person opens the feature again. */
#define DECISIONS 2
#define REOPENINGS 1
/* PUSH and REGION: changes of any kind. */
#ifndef CHANGES
#define CHANGES 3
#endif
/* A run begins at revision 1, and 0 stands for none. */
#define REVISIONS 6
/* Calls that a watcher may have under way: its watch, a stream of answers, and a call that is answered once. */
#ifndef CALLS
#define CALLS 2
#endif

/* The state of the feature in a copy or a message. ABSENT: the message does not change it. */
#define ABSENT 0
#define CLOSED 1
#define OPEN 2
#define shown (open -> OPEN : CLOSED)

/* A copy of the snapshot (shared/snapshot/versioned-snapshot.ts). `stamp`: the revision of the feature's entry. */
typedef Ledger { byte revision; byte shows; byte stamp }
/* A delta that brings a copy up to `revision`. revision 0: none is under way. */
typedef Change { byte revision; byte shows }
/* A push, then its answer. since 0: the full snapshot. `have`: the revision that the answer names. */
typedef Push { byte step; byte revision; byte since; byte shows; byte have }
#define NONE 0
#define TRAVELLING 1
#define CONFIRMED 2
#define OUT_OF_STEP 3

/* PostgreSQL: the row of state_head, the feature's row, and the state that each outbox row still has to publish. */
byte head = 1, version = 1, epoch = 1, rowRevision = 1;
bool open = true;
byte outbox[REVISIONS];
/* For the assertions only: the true state at each revision, and the revision of its last change. */
byte showsAt[REVISIONS], changedAt[REVISIONS];

/* Redis: feature:state:<id>, with the revision beside it. */
byte keyRevision = 1, keyShows = OPEN;
bool isKeyLost;

/* Push processes 0 and 1 send by pushes[0] and pushes[1]; 0 also by pushes[2], while it waits for the first answer. */
#ifndef PUSHES
#define PUSHES 3
#endif
Push pushes[PUSHES];
/* Its sender no longer waits for it. */
Push stray;
byte confirmed[2] = 1;
bool news[2];

/* The edge. `kept`: the revision that the hub remembers having written to KV. */
Ledger hub, replica, isolate;
Change kv, kvRead;
byte kept = 1;
bool isAlarmSet;
Change replicaCall[CALLS], isolateCall[CALLS];
/* What a watch has told its watcher, who has it if no answer was lost. */
#define ENDED REVISIONS
byte replicaTold = ENDED, isolateTold = ENDED;
bool isFromReplica = true;

byte faults = FAULTS, changes = CHANGES, decisions = DECISIONS, reopenings = REOPENINGS;

inline forgetPush(gone) { gone.step = NONE; gone.revision = 0; gone.since = 0; gone.shows = 0; gone.have = 0 }
inline keep() { kv.revision = hub.revision; kv.shows = hub.shows }
inline forgetChange(gone) { gone.revision = 0; gone.shows = 0 }

/* ---- Database: commit_change() in migrations/0001_features.sql ------------------------------------------------- */

inline note() {
  changedAt[head] = rowRevision;
  showsAt[head] = shown
}

/* State, audit, revision and outbox row at once: the row of state_head is locked until the end. */
inline commitState(state) {
  head++;
  version++;
  rowRevision = head;
  open = (state == OPEN);
  outbox[head] = state;
  note()
}

inline commitOther() { head++; note() }

/* ---- Evaluate and roll back: origin/evaluate, origin/features -------------------------------------------------- */

#ifdef ORIGIN
/* Two evaluators without a lock: an evaluation lock may expire under its holder at any time, so it only saves work. */
proctype Evaluator() {
  byte sawVersion, sawEpoch;
  bool isCommitted, isTold;
end:
  do
  :: d_step { decisions > 0 && open -> decisions--; sawVersion = version; sawEpoch = epoch }
     /* The process pauses for any time. Another one decides the same, or a person opens the feature again. */
commit:
     atomic {
       if
#ifndef NO_CHANGE_ID
       :: isCommitted -> isTold = true /* the same change id again: the first outcome and no second effect */
#endif
#ifdef NO_VERSION_CHECK
       :: version >= sawVersion && !isCommitted ->
#else
       :: version == sawVersion ->
#endif
          /* The feature was open, and the evidence is of the epoch that ends. */
          assert(open);
          assert(epoch == sawEpoch);
          commitState(CLOSED);
          isCommitted = true;
          isTold = true
       :: else -> isTold = false
       fi
     }
     if
     :: atomic { faults > 0 -> faults--; goto commit } /* the answer is lost, and the change is sent again */
     :: d_step { true -> assert(isTold == isCommitted); sawVersion = 0; sawEpoch = 0; isCommitted = false; isTold = false }
     fi
  od
}

proctype Person() {
end:
  do
  :: d_step { reopenings > 0 && !open -> reopenings--; epoch++; commitState(OPEN) }
  :: d_step { reopenings > 0 && !open -> reopenings = 0 }
  od
}

/* ---- Outbox to Redis: origin/delivery/outbox, origin/delivery/bus ---------------------------------------------- */

/* The script SET_STATE of redis-bus.ts. */
inline setKey(to, state) {
  if
#ifndef NO_KEY_CHECK
  :: to < keyRevision
#endif
  :: else ->
     assert(to >= keyRevision);
     keyRevision = to;
     keyShows = state
  fi
}

/* Two dispatchers without a claim: a lease may expire at any time, so it only saves work. */
proctype Dispatcher() {
  byte row, state;
end:
  do
  :: atomic {
       if
       :: outbox[2] != ABSENT -> row = 2
       :: outbox[3] != ABSENT -> row = 3
       :: outbox[4] != ABSENT -> row = 4
       fi;
       state = outbox[row]
     }
     if
     :: d_step { true -> setKey(row, state) }
        d_step { outbox[row] = ABSENT; row = 0; state = 0 }
     :: d_step { /* The process dies, or Redis does not answer: the row is due again. */
          faults > 0 -> faults--;
#ifdef NO_OUTBOX
          outbox[row] = ABSENT;
#endif
          row = 0;
          state = 0
        }
     fi
  od
}

/* Redis loses its data. A process that subscribes again reads the database and writes all states. */
proctype Redis() {
  byte at, state;
end:
  do
  :: d_step {
       faults > 0 -> faults--;
       keyRevision = 0;
       keyShows = ABSENT;
#ifndef NO_KEY_RESTORE
       isKeyLost = true
#endif
     }
  :: isKeyLost ->
     d_step { isKeyLost = false; at = head; state = shown }
     d_step { setKey(at, state); at = 0; state = 0 }
  od
}
#endif

#if defined(PUSH) || defined(REGION)
/* Any sequence of changes. NOTIFY and the bus may lose the notification of each. */
proctype Changes() {
#ifdef NO_COMMIT_ORDER
  byte drawn;
#endif
end:
  do
  :: atomic {
       changes > 0 -> changes--;
       if
       :: open -> commitState(CLOSED)
       :: !open -> commitState(OPEN)
       :: true -> commitOther()
       fi;
#ifdef PUSH
       if :: news[0] = true :: true fi;
#if PUSHES > 1
       if :: news[1] = true :: true fi
#endif
#endif
     }
  :: changes > 0 -> changes = 0
#ifdef NO_COMMIT_ORDER
     /* Revisions come from a sequence: a change draws a revision, and one with a later revision commits first. */
  :: d_step { changes > 1 && open -> changes = changes - 2; drawn = head + 1; head = head + 2; note() }
  :: d_step { drawn != 0 -> rowRevision = drawn; open = false; drawn = 0; note() }
#endif
  od
}
#endif

/* ---- Push: origin/delivery/edges ------------------------------------------------------------------------------- */

#ifdef PUSH
/* The changes are read in one statement, so they are of one moment. */
inline send(p, slot) {
  news[p] = false;
  pushes[slot].step = TRAVELLING;
  pushes[slot].revision = head;
  pushes[slot].since = confirmed[p];
  pushes[slot].shows = ((confirmed[p] == 0 || rowRevision > confirmed[p]) -> shown : ABSENT)
}

/* handleAnswer() and resumeFrom() of edge-pusher.ts. */
inline takeAnswer(p, slot) {
  if
  :: pushes[slot].step == CONFIRMED && pushes[slot].have > confirmed[p] -> confirmed[p] = pushes[slot].have
  :: pushes[slot].step == OUT_OF_STEP ->
     assert(pushes[slot].have <= head);
     news[p] = true;
     if
     :: pushes[slot].have >= pushes[slot].revision && confirmed[p] > pushes[slot].have
     :: else -> confirmed[p] = pushes[slot].have
     fi
  :: else
  fi;
  forgetPush(pushes[slot])
}

#define isUnderWay(slot) (pushes[slot].step != NONE)
#define mayStray(slot) (faults > 0 && pushes[slot].step == TRAVELLING && stray.step == NONE)

inline becomeStray(slot) {
  stray.step = TRAVELLING;
  stray.revision = pushes[slot].revision;
  stray.since = pushes[slot].since;
  stray.shows = pushes[slot].shows
}

proctype Pusher(byte p; byte slot) {
end:
  do
  :: d_step { news[p] && !isUnderWay(slot) && (slot < 2 || isUnderWay(0)) -> send(p, slot) }
  :: d_step { pushes[slot].step > TRAVELLING -> takeAnswer(p, slot) }
     /* The push or its answer is lost, and after a pause another is sent. */
  :: d_step { faults > 0 && isUnderWay(slot) -> faults--; forgetPush(pushes[slot]); news[p] = true }
     /* The push is late: it arrives after its sender gave it up. */
  :: d_step { mayStray(slot) -> faults--; becomeStray(slot); forgetPush(pushes[slot]); news[p] = true }
     /* It arrives twice. */
  :: d_step { mayStray(slot) -> faults--; becomeStray(slot) }
     /* The process dies, and the next one begins with the full snapshot. */
  :: d_step {
       faults > 0 && slot < 2 -> faults--;
       forgetPush(pushes[slot]);
#if PUSHES > 2
       if :: slot == 0 -> forgetPush(pushes[2]) :: else fi;
#endif
       confirmed[p] = 0;
       news[p] = true
     }
  od
}
#endif

/* ---- Edge: shared/snapshot/versioned-snapshot.ts, edge/snapshot ------------------------------------------------ */

#if defined(PUSH) || defined(REGION)
/* applyDelta(). An older revision never replaces a newer one, and a copy shows exactly the state at its revision. */
inline learn(held, change) {
  assert(change.revision >= held.revision);
  held.revision = change.revision;
  if
  :: change.shows != ABSENT -> held.shows = change.shows; held.stamp = change.revision
  :: else
  fi;
  assert(held.shows == showsAt[held.revision]);
  assert(held.stamp >= changedAt[held.revision])
}

/* The hub's storage is gone. It begins with the KV copy, which may be old. */
inline loseHub() {
  hub.revision = kv.revision;
  hub.shows = kv.shows;
  hub.stamp = kv.revision;
  replicaTold = ENDED
}

#endif

#ifdef PUSH
/* applyPush(), and the alarm that writes the KV copy. */
inline applyPush(push) {
  push.have = hub.revision;
  push.step = OUT_OF_STEP;
  if
#ifndef NO_HUB_CHECK
  :: push.revision < hub.revision
#endif
#ifndef NO_SINCE_CHECK
  :: push.revision > hub.revision && push.since > hub.revision
#endif
  :: else ->
     push.have = push.revision;
     push.step = CONFIRMED;
#ifdef NO_ALARM_AGAIN
     if :: push.revision != hub.revision -> isAlarmSet = true :: else fi;
#else
     if :: push.revision != kept -> isAlarmSet = true :: else fi;
#endif
     if :: push.revision != hub.revision -> learn(hub, push) :: else fi
  fi
}

proctype Hub() {
end:
  do
  :: d_step { pushes[0].step == TRAVELLING -> applyPush(pushes[0]) }
#if PUSHES > 1
  :: d_step { pushes[1].step == TRAVELLING -> applyPush(pushes[1]) }
#endif
#if PUSHES > 2
  :: d_step { pushes[2].step == TRAVELLING -> applyPush(pushes[2]) }
#endif
  :: d_step { stray.step == TRAVELLING -> applyPush(stray); forgetPush(stray) }
  :: d_step { isAlarmSet -> isAlarmSet = false; keep(); kept = hub.revision }
     /* The hub dies after it stored a push and before it set the alarm. */
  :: d_step { faults > 0 -> faults--; kept = 0; isAlarmSet = false }
  :: d_step { faults > 0 -> faults--; kept = 0; isAlarmSet = false; loseHub() }
  od
}
#elif defined(REGION)
/* Everything that PUSH allows of the hub: newer revisions, stamps at least for changes, and a fall back to KV. */
proctype Hub() {
end:
  do
  :: atomic {
       hub.revision < head -> hub.revision++;
       if
       :: hub.stamp = hub.revision
       :: changedAt[hub.revision] < hub.revision
       fi;
       hub.shows = showsAt[hub.revision]
     }
  :: d_step { kv.revision != hub.revision -> keep() }
  :: d_step { faults > 0 && kv.revision < hub.revision -> faults--; loseHub() }
  od
}
#endif

#ifdef REGION
/* deltaSince(), for a `place` that is newer than `known`. */
inline tell(answer, place, known) {
  answer.revision = place.revision;
  answer.shows = ((known == 0 || place.stamp > known) -> place.shows : ABSENT)
}

/* A newer answer may have overtaken this one. */
inline hear(place, answer) {
  if
#ifndef NO_WATCH_CHECK
  :: answer.revision <= place.revision
#endif
  :: else -> learn(place, answer)
  fi;
  forgetChange(answer)
}

/* A watch of which an answer was lost ends: the next answer would build on it. */
#ifndef NO_STREAM_END
#define endWatch(told) told = ENDED
#else
#define endWatch(told) skip
#endif

#define mayTell(call, told, place) (call[0].revision == 0 && told != ENDED && place.revision > told)
#define mayAsk(call, n) (n == 1 && call[n].revision == 0)

proctype Replica(byte n) {
end:
  do
     /* The stream, which is handed on at any time, and the call that is answered once. */
  :: d_step { n == 0 && replicaTold == ENDED && hub.revision > replica.revision -> replicaTold = replica.revision }
  :: d_step {
       n == 0 && mayTell(replicaCall, replicaTold, hub) ->
       tell(replicaCall[0], hub, replicaTold);
       replicaTold = hub.revision
     }
  :: d_step { n == 0 && replicaTold != ENDED -> replicaTold = ENDED; forgetChange(replicaCall[0]) }
  :: d_step { mayAsk(replicaCall, n) && hub.revision > replica.revision -> tell(replicaCall[n], hub, replica.revision) }
  :: d_step { replicaCall[n].revision != 0 -> hear(replica, replicaCall[n]) }
  :: d_step { faults > 0 && replicaCall[n].revision != 0 -> faults--; forgetChange(replicaCall[n]); if :: n == 0 -> endWatch(replicaTold) :: else fi }
     /* The replica is evicted and forgets everything. */
  :: d_step {
       faults > 0 && n == 0 && replica.revision != 0 -> faults--;
       replica.revision = 0;
       replica.shows = 0;
       replica.stamp = 0;
       forgetChange(replicaCall[0]);
       forgetChange(replicaCall[CALLS - 1]);
       replicaTold = ENDED;
       isolateTold = ENDED
     }
  od
}

/* The cache names its revision only once a replica has confirmed it. */
#define isolateHas (isolate.revision * isFromReplica)

proctype Isolate(byte n) {
end:
  do
     /* The stream, which is handed on at any time, and the call that is answered once. */
  :: d_step { n == 0 && isolateTold == ENDED && replica.revision > isolateHas -> isolateTold = isolateHas }
  :: d_step {
       n == 0 && mayTell(isolateCall, isolateTold, replica) ->
       tell(isolateCall[0], replica, isolateTold);
       isolateTold = replica.revision
     }
  :: d_step { n == 0 && isolateTold != ENDED -> isolateTold = ENDED; forgetChange(isolateCall[0]) }
  :: d_step { mayAsk(isolateCall, n) && replica.revision > isolateHas -> tell(isolateCall[n], replica, isolateHas) }
  :: d_step {
       isolateCall[n].revision != 0 ->
       isFromReplica = isFromReplica || isolateCall[n].revision >= isolate.revision;
       hear(isolate, isolateCall[n])
     }
  :: d_step { faults > 0 && isolateCall[n].revision != 0 -> faults--; forgetChange(isolateCall[n]); if :: n == 0 -> endWatch(isolateTold) :: else fi }
     /* A new isolate gets no answer, so it asks KV. An answer may arrive meanwhile. */
  :: d_step { n == 0 && isolate.revision == 0 && kvRead.revision == 0 -> kvRead.revision = kv.revision; kvRead.shows = kv.shows }
  :: d_step {
       n == 0 && kvRead.revision != 0 ->
       if
#ifndef NO_BEGIN_CHECK
       :: isolate.revision != 0
#endif
       :: else -> learn(isolate, kvRead)
       fi;
       forgetChange(kvRead)
     }
     /* The isolate ends, and another begins with nothing. */
  :: d_step {
       faults > 0 && n == 0 && isolate.revision != 0 -> faults--;
       isolate.revision = 0;
       isolate.shows = 0;
       isolate.stamp = 0;
       isFromReplica = false;
       forgetChange(kvRead);
       forgetChange(isolateCall[0]);
       forgetChange(isolateCall[CALLS - 1]);
       isolateTold = ENDED
     }
  od
}
#endif

/* ---- Time ------------------------------------------------------------------------------------------------------ */

/* Faults end at any time. After the last fault each timer goes off once, and then all copies agree. */
proctype Clock() {
  faults = 0;
#ifndef NO_HEARTBEAT
  d_step { timeout -> news[0] = true; news[1] = (PUSHES > 1) }
#endif
  d_step {
    timeout ->
#ifdef ORIGIN
    assert(keyShows == shown);
#endif
#ifdef PUSH
    assert(hub.revision == head && hub.shows == shown);
    assert(kv.revision == head && kv.shows == shown);
#endif
#ifdef REGION
    assert(replica.revision == head && replica.shows == shown);
    assert(isolate.revision == head && isolate.shows == shown);
#endif
    skip
  }
}

inline begin(place) { place.revision = 1; place.shows = OPEN; place.stamp = 1 }

init {
  atomic {
    note();
    begin(hub);
    begin(replica);
    begin(isolate);
    keep();
#ifdef ORIGIN
    run Evaluator();
    run Evaluator();
    run Person();
    run Dispatcher();
    run Dispatcher();
    run Redis();
#else
    run Changes();
    run Hub();
#endif
#ifdef PUSH
    run Pusher(0, 0);
#if PUSHES > 1
    run Pusher(1, 1);
#endif
#if PUSHES > 2
    run Pusher(0, 2);
#endif
#endif
#ifdef REGION
    run Replica(0);
    run Isolate(0);
#if CALLS > 1
    run Replica(1);
    run Isolate(1);
#endif
#endif
    run Clock()
  }
}
