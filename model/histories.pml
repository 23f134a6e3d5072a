/*
 * Two histories of one database, for `spin` to search exhaustively: a standby is promoted and lacks the last commits, it
 * gives their revisions to other changes, and the old primary lives on for as long as it likes. One feature, one edge
 * (its hub), a pusher for each primary; messages are late, lost or repeated. docs/protocol.md names the code of each part,
 * scripts/model/searches.ts the searches. rollback.pml has everything behind the hub.
 *
 * An audit head is a number that no two commits share. Every message carries the whole state of the feature, so a delta and
 * a full message differ in what the hub asks of them. Not in the model: the pause before a history gives way to another,
 * which only keeps two primaries from taking turns.
 */

#ifndef FAULTS
#define FAULTS 1
#endif
/* In each database. */
#ifndef CHANGES
#define CHANGES 2
#endif
#define REVISIONS 12

typedef Database {
  bool alive;
  byte head, epoch;
  bool open;
  byte changes;
  /* Of each revision: the audit head, and the state. */
  byte mark[REVISIONS];
  byte epochAt[REVISIONS];
  bool openAt[REVISIONS]
}
Database db[2];
byte marks = 1;

/* edge/snapshot/hub.ts. closedEpoch 0: the feature is open, or nobody ever closed it. */
typedef Copy {
  byte lineage, revision, mark, epoch, closedEpoch, closedAhead;
  bool open, disputed
}
Copy hub;

#define NONE 0
#define TRAVELLING 1
#define CONFIRMED 2
#define REFUSED 3
/* What a message is. */
#define DELTA 0
#define FULL 1
#define PROBE 2
#define CLOSE 3

typedef Push {
  byte step, kind, revision, mark, since, sinceMark, epoch;
  bool open, replaces;
  /* The state that it replaces; in the answer, the hub's state. */
  byte lineage, have, haveMark, heldEpoch;
  bool isClosed, isDisputed
}
Push push[2];
/* Its sender no longer waits for it. */
Push stray;
byte strayLineage;

/* Each pusher: what the edge has confirmed (revision 0: nothing), and the state that its next full message replaces. */
byte confirmed[2], confirmedMark[2], replacedLineage[2], replaced[2], replacedMark[2];
bool asks[2], replacing[2], news[2];
byte faults = FAULTS;
bool isForked;

/* ---- Database: commit_change() --------------------------------------------------------------------------------- */

inline note(d) {
  db[d].epochAt[db[d].head] = db[d].epoch;
  db[d].openAt[db[d].head] = db[d].open
}

inline commit(d) {
  db[d].head++;
  marks++;
  db[d].mark[db[d].head] = marks;
  note(d);
  news[d] = true
}

/* raise_revision(): no audit row, so the head stays. */
inline raise(d, above) {
  do
  :: db[d].head <= above ->
     db[d].mark[db[d].head + 1] = db[d].mark[db[d].head];
     db[d].head++;
     note(d)
  :: else -> break
  od
}

#define knows(d, revision, m) (revision <= db[d].head && db[d].mark[revision] == m)

proctype Changes(byte d) {
end:
  do
  :: d_step { db[d].alive && db[d].changes > 0 && db[d].open -> db[d].changes--; db[d].open = false; commit(d) }
  :: d_step {
       db[d].alive && db[d].changes > 0 && !db[d].open -> /* a person */
       db[d].changes--; db[d].epoch++; db[d].open = true; commit(d)
     }
  :: d_step { db[d].alive && db[d].changes > 0 -> db[d].changes--; commit(d) }
  od
}

/* A standby is promoted. It has all commits, or lacks the last ones. */
proctype Promotion() {
  byte at;
end:
  atomic {
    !isForked ->
    isForked = true;
    at = db[0].head;
    do
    :: at > 1 -> at--
    :: break
    od;
    db[1].head = at;
    db[1].epoch = db[0].epochAt[at];
    db[1].open = db[0].openAt[at];
    do
    :: at > 0 ->
       db[1].mark[at] = db[0].mark[at];
       db[1].epochAt[at] = db[0].epochAt[at];
       db[1].openAt[at] = db[0].openAt[at];
       at--
    :: else -> break
    od;
    db[1].alive = true;
    news[1] = true
  }
}

/* ---- Pusher: origin/delivery/edges ----------------------------------------------------------------------------- */

inline forget(p) {
  p.step = NONE; p.kind = 0; p.revision = 0; p.mark = 0; p.since = 0; p.sinceMark = 0; p.epoch = 0;
  p.open = 0; p.replaces = 0; p.lineage = 0; p.have = 0; p.haveMark = 0; p.heldEpoch = 0; p.isClosed = 0; p.isDisputed = 0
}

inline compose(d, as) {
  push[d].step = TRAVELLING;
  push[d].kind = as;
  push[d].revision = db[d].head;
  push[d].mark = db[d].mark[db[d].head];
  push[d].epoch = db[d].epoch;
  push[d].open = db[d].open
}

inline send(d) {
  news[d] = false;
  if
  :: asks[d] -> compose(d, PROBE)
  :: !asks[d] && replacing[d] ->
     compose(d, FULL);
     push[d].replaces = true;
     push[d].lineage = replacedLineage[d];
     push[d].have = replaced[d];
     push[d].haveMark = replacedMark[d]
  :: !asks[d] && !replacing[d] && !knows(d, confirmed[d], confirmedMark[d]) ->
     asks[d] = true; /* the database lost what the edge has confirmed */
     compose(d, PROBE)
  :: else ->
     compose(d, DELTA);
     push[d].since = confirmed[d];
     push[d].sinceMark = confirmedMark[d]
  fi
}

/* prepare-recovery.ts: closing wins, and the next epoch is later than any that the edge has seen. */
inline recover(d, closedThere, there) {
  skip;
#ifndef NO_RECOVERY
  if
  :: closedThere && db[d].open && there >= db[d].epoch ->
     db[d].open = false;
     db[d].epoch = there;
     commit(d)
  :: else ->
     if
     :: there > db[d].epoch -> db[d].epoch = there; commit(d)
     :: else
     fi
  fi
#endif
}

inline takeAnswer(d) {
  if
  :: push[d].isDisputed -> recover(d, true, push[d].heldEpoch)
  :: else
  fi;
  if
  :: push[d].step == CONFIRMED ->
     confirmed[d] = push[d].revision;
     confirmedMark[d] = push[d].mark;
     asks[d] = false;
     replacing[d] = false;
     if :: push[d].revision < db[d].head -> news[d] = true :: else fi
  :: else ->
     news[d] = true;
     if
     :: knows(d, push[d].have, push[d].haveMark) ->
        asks[d] = false;
        replacing[d] = false;
        confirmed[d] = push[d].have;
        confirmedMark[d] = push[d].haveMark
     :: else ->
        if
        :: push[d].kind != PROBE -> asks[d] = true
        :: else ->
           recover(d, push[d].isClosed, push[d].heldEpoch);
           raise(d, push[d].have);
           asks[d] = false;
           replacing[d] = true;
           replacedLineage[d] = push[d].lineage;
           replaced[d] = push[d].have;
           replacedMark[d] = push[d].haveMark
        fi
     fi
  fi;
  forget(push[d])
}

inline becomeStray(d) {
  stray.step = TRAVELLING; stray.kind = push[d].kind; stray.revision = push[d].revision; stray.mark = push[d].mark;
  stray.since = push[d].since; stray.sinceMark = push[d].sinceMark; stray.epoch = push[d].epoch; stray.open = push[d].open;
  stray.replaces = push[d].replaces; stray.lineage = push[d].lineage; stray.have = push[d].have;
  stray.haveMark = push[d].haveMark; strayLineage = d
}

#define mayStray(d) (faults > 0 && push[d].step == TRAVELLING && stray.step == NONE)

proctype Pusher(byte d) {
end:
  do
  :: d_step { db[d].alive && news[d] && push[d].step == NONE -> send(d) }
     /* A close goes alone, whatever history the edge follows. */
  :: d_step { db[d].alive && news[d] && push[d].step == NONE && !db[d].open -> compose(d, CLOSE) }
  :: d_step { db[d].alive && push[d].step > TRAVELLING && push[d].kind == CLOSE -> forget(push[d]) }
  :: d_step { db[d].alive && push[d].step > TRAVELLING && push[d].kind != CLOSE -> takeAnswer(d) }
     /* It is lost, or late, or comes twice. */
  :: d_step { faults > 0 && push[d].step != NONE -> faults--; forget(push[d]); news[d] = true }
  :: d_step { mayStray(d) -> faults--; becomeStray(d); forget(push[d]); news[d] = true }
  :: d_step { mayStray(d) -> faults--; becomeStray(d) }
  od
}

/* ---- Edge: shared/snapshot/versioned-snapshot.ts --------------------------------------------------------------- */

#define isForeign(d) (d != hub.lineage)

/* applyCloses(). */
inline applyClose(p, d) {
  if
  :: (isForeign(d) || p.revision > hub.revision) && hub.closedEpoch < p.epoch && hub.epoch <= p.epoch ->
     hub.open = false;
     hub.closedEpoch = p.epoch;
     hub.epoch = p.epoch;
     if
     :: isForeign(d) -> hub.disputed = true
     :: else -> hub.closedAhead = p.revision
     fi
  :: else
  fi
}

/* takesOver() and continues(). */
#define takesOver(p) (p.kind == FULL && p.replaces && p.revision > hub.revision && \
  p.lineage == hub.lineage && p.have == hub.revision && p.haveMark == hub.mark)
#ifdef NO_HEAD_CHECK
#define continues(p, d) (p.kind != FULL)
#else
#define continues(p, d) (p.kind != FULL && ((p.revision == hub.revision) -> (p.mark == hub.mark) : \
  ((p.kind == DELTA && p.since == hub.revision) -> (p.sinceMark == hub.mark) : (d == hub.lineage))))
#endif
#define isGap(p) (p.revision > hub.revision && (p.kind == PROBE || p.since > hub.revision))

/* entryOf(). `over`: another history takes over. */
inline learn(p, d, over) {
  assert(!over || p.revision > hub.revision);
  if
  :: !p.open && (over || hub.disputed) && hub.closedEpoch > p.epoch -> hub.disputed = true; hub.open = false
  :: !p.open && !((over || hub.disputed) && hub.closedEpoch > p.epoch) ->
     hub.closedEpoch = p.epoch; hub.disputed = false; hub.closedAhead = 0; hub.open = false
  :: p.open && p.epoch > hub.closedEpoch ->
     hub.open = true; hub.closedEpoch = 0; hub.disputed = false; hub.closedAhead = 0
#ifdef NO_CLOSED_EPOCH
  :: p.open && p.epoch <= hub.closedEpoch ->
     assert(hub.open || p.epoch > hub.closedEpoch); /* reopened */
#else
  :: p.open && p.epoch <= hub.closedEpoch && (over || hub.disputed) -> hub.disputed = true; hub.open = false
  :: p.open && p.epoch <= hub.closedEpoch && !(over || hub.disputed) && p.revision < hub.closedAhead -> hub.open = false
  :: p.open && p.epoch <= hub.closedEpoch && !(over || hub.disputed) && p.revision >= hub.closedAhead ->
     assert(hub.open || p.epoch > hub.closedEpoch); /* reopened */
#endif
  fi;
  hub.revision = p.revision;
  hub.mark = p.mark;
  hub.lineage = d;
  hub.epoch = p.epoch
}

inline answer(p) {
  p.lineage = hub.lineage;
  p.have = hub.revision;
  p.haveMark = hub.mark;
  p.isClosed = (hub.closedEpoch > 0);
  p.isDisputed = hub.disputed;
  p.heldEpoch = (hub.closedEpoch > hub.epoch -> hub.closedEpoch : hub.epoch)
}

inline take(p, d) {
  if
  :: p.kind == CLOSE -> applyClose(p, d); p.step = CONFIRMED
  :: p.kind != CLOSE && takesOver(p) -> learn(p, d, true); p.step = CONFIRMED
  :: p.kind != CLOSE && !takesOver(p) && (!continues(p, d) || p.revision < hub.revision || isGap(p)) -> p.step = REFUSED
  :: else ->
#ifndef NO_DISPUTE
     /* A close that came ahead in another history has a revision that says nothing in this one. */
     if
     :: isForeign(d) && hub.closedAhead > 0 -> hub.disputed = true; hub.closedAhead = 0
     :: else
     fi;
#endif
     if
     :: p.revision == hub.revision -> hub.lineage = d
     :: else -> learn(p, d, false)
     fi;
     p.step = CONFIRMED;
     /* The signed receipt: the edge has exactly this state, and no other of the same number. */
     assert(hub.mark == p.mark)
  fi;
  answer(p)
}

proctype Hub() {
end:
  do
  :: d_step { push[0].step == TRAVELLING -> take(push[0], 0) }
  :: d_step { push[1].step == TRAVELLING -> take(push[1], 1) }
  :: d_step { stray.step == TRAVELLING -> take(stray, strayLineage); forget(stray); strayLineage = 0 }
  od
}

/* ---- Time ------------------------------------------------------------------------------------------------------ */

/* The old primary dies at any time after the promotion. Faults end, and each timer goes off once: then all agree. */
proctype Clock() {
  isForked;
  d_step { db[0].alive = false; forget(push[0]) };
  faults = 0;
  d_step { timeout -> news[1] = true };
  d_step {
    timeout ->
    assert(hub.mark == db[1].mark[db[1].head] && hub.revision == db[1].head);
    assert(hub.open == db[1].open)
  }
}

init {
  atomic {
    db[0].alive = true; db[0].head = 1; db[0].epoch = 1; db[0].open = true; db[0].mark[1] = 1;
    db[0].epochAt[1] = 1; db[0].openAt[1] = true;
    db[0].changes = CHANGES; db[1].changes = CHANGES;
    hub.revision = 1; hub.mark = 1; hub.epoch = 1; hub.open = true;
    confirmed[0] = 1; confirmedMark[0] = 1; confirmed[1] = 1; confirmedMark[1] = 1;
    run Changes(0);
    run Changes(1);
    run Promotion();
    run Pusher(0);
    run Pusher(1);
    run Hub();
    run Clock()
  }
}
