/*
 * Turns of one apartment: load, decide, commit, send, acknowledge (shared/app/take-turn.ts, shared/core/flush.ts).
 *
 *   A2  a commit holds only against the version that it was decided from; its answer may be lost
 *   A3  a message is applied at most once, though the record remembers only the last APPLIED_IDS_MAX of them
 *   A4  stored effects are sent before a commit replaces them, and before their messages are acknowledged
 *   A5  an inline turn is a turn; the sweeper and the dead-letter consumer only send messages
 *
 * Two workers, three submits of one group and AGAIN of them sent a second time, batches of two, INLINE_TURNS inline turns. A
 * worker dies or throws anywhere and a visibility time-out passes at any time, any number of times: so a worker may be late
 * anywhere. Each WITHOUT_… takes one rule away, and this must fail. Bounds, abstractions and results: README.md.
 */
#ifndef MESSAGES
#define MESSAGES        3
#endif
#define APPLIED_IDS_MAX 2
#ifndef INLINE_TURNS
#define INLINE_TURNS    1
#endif
#ifndef AGAIN
#define AGAIN           1
#endif
#ifdef DEAD_LETTERS
#define SEQUENCES       (MESSAGES + AGAIN + INLINE_TURNS + MESSAGES)
#else
#define SEQUENCES       (MESSAGES + AGAIN + INLINE_TURNS)
#endif

#define BIT(n)   (1 << (n))
#define HAS(s,n) ((s) & BIT(n))

/*
 * Logical ids: 1 to 3 are submits, then come the inline turns' messages; a wake-up is never remembered. An effect has the
 * number of its message: a submit's is the projection of its job, after which the job's record is not new any more.
 */
#define INLINE   (MESSAGES + 1)
#define WAKE     7
/* What a commit tells of the VM as a whole, one register for all of them, by revision (ADR 7). */
#define REGISTER 0

/* The record, as it is stored. */
byte version = 1;
byte applied[APPLIED_IDS_MAX];
byte effects;
byte effectsSequence;  /* 0: absent */
bit  wakeAt;
byte said;             /* inline messages whose wish is true in the record */

/* Where effects arrive. */
byte sent;
byte registered;       /* revision of what the register says */
byte projectedAt[MESSAGES + 1]; /* revision in a job's record */

/* For the assertions. */
byte committed;        /* messages applied */
byte newest;           /* revision that the register must come to */
byte busy;             /* workers in a turn */

/* The FIFO group: logical ids by sequence number. */
#define NOBODY 0
byte logicalId[8];
short deleted;
byte last;             /* the highest sequence number given */
byte holder = NOBODY;  /* whose batch hides the group */
byte inlineTurns;

#ifdef DEAD_LETTERS
/* A commit is old after SEQUENCE_TELLS more receives; a message that was received RECEIVES_MAX times is moved away. */
#define RECEIVES_MAX   3
#define SEQUENCE_TELLS 1
byte age;
byte receives[8];
byte returned;         /* logical ids sent to their apartment again */
#define TELLS          (age < SEQUENCE_TELLS)
#define MAY_RECEIVE(s) (receives[s] < RECEIVES_MAX)
#define IS_DEAD(s)     (!HAS(deleted, s) && !MAY_RECEIVE(s))
#define HAS_DEAD       (IS_DEAD(1) || IS_DEAD(2) || IS_DEAD(3) || IS_DEAD(4) || IS_DEAD(5) || IS_DEAD(6))
#ifdef WITHOUT_PROVING
#define PROVES         true
#else
#define PROVES         (receives[lowest] + SEQUENCE_TELLS <= RECEIVES_MAX && receives[highest] + SEQUENCE_TELLS <= RECEIVES_MAX)
#endif
#else
#define TELLS          true
#define MAY_RECEIVE(s) true
#define HAS_DEAD       false
#define PROVES         true
#endif

#define IS_EMPTY       (deleted == BIT(last + 1) - 2)

inline send(id) {
  last++;
  assert(last <= SEQUENCES); /* the bound holds all that is ever sent */
  logicalId[last] = id
}

inline next(s) {
  do :: s <= last && HAS(deleted, s) -> s++ :: else -> break od
}

/* A batch of one or two, the first that are there. One where two are there stands for a second that comes later. */
inline receive() {
  lowest = 1;
  next(lowest);
  highest = lowest + 1;
  next(highest);
  if
  :: highest = lowest
  :: highest <= last && MAY_RECEIVE(highest)
  fi;
#ifdef DEAD_LETTERS
  if :: receives[lowest] > 0 && age < SEQUENCE_TELLS -> age++ :: else fi;
  receives[lowest]++;
  if :: highest != lowest -> receives[highest]++ :: else fi;
#endif
  holder = _pid
}

/* shared/core/flush.ts */
#ifdef WITHOUT_FLUSH
#define EFFECTS_ARE_SENT true
#elif defined(WITHOUT_EVERY)
#define EFFECTS_ARE_SENT (effects == 0 || version == sentVersion || (!isInline && effectsSequence != 0 && TELLS && highest > effectsSequence))
#elif defined(WITHOUT_INLINE_FLUSH)
#define EFFECTS_ARE_SENT (effects == 0 || version == sentVersion || (TELLS && (isInline || (effectsSequence != 0 && lowest > effectsSequence))))
#else
#define EFFECTS_ARE_SENT (effects == 0 || version == sentVersion || (!isInline && effectsSequence != 0 && TELLS && lowest > effectsSequence))
#endif

#define IS_SUBMIT(id) ((id) >= 1 && (id) <= MESSAGES)
#ifdef WITHOUT_APPLIED
#define IS_APPLIED(id) false
#else
#define IS_APPLIED(id) (applied[0] == (id) || applied[1] == (id))
#endif

/*
 * The record as far as the turn needs it: what is to be sent first, and what of the batch it has not applied. It is not copied
 * whole: a commit holds only while what was loaded is what is stored (A2).
 */
inline load() {
  loaded = version;
  if :: EFFECTS_ARE_SENT -> left = 0 :: else -> left = effects fi;
  n_effects = 0;
  if
  :: isInline -> n_effects = BIT(inlineId) & ~said
  :: else -> unapplied(logicalId[lowest]); unapplied(logicalId[highest])
  fi;
  wasDue = wakeAt
}

inline unapplied(id) {
  if
  :: IS_SUBMIT(id) && !IS_APPLIED(id) -> n_effects = n_effects | BIT(id)
  :: else /* a wake-up, or applied */
  fi
}

/* The jobs that the batch submits: whose records say that they are new. */
inline loadJobs() {
  isNew = ~sent
}

/* A job is projected at a revision that the record has not reached: the record was read before that. */
#ifdef WITHOUT_LOOK
#define IS_BEHIND(id) false
#else
#define IS_BEHIND(id) (IS_SUBMIT(id) && !HAS(isNew, id) && projectedAt[id] > loaded)
#endif
#define RECORD_IS_BEHIND (!isInline && (IS_BEHIND(logicalId[lowest]) || IS_BEHIND(logicalId[highest])))

inline decide() {
#ifndef WITHOUT_JOB_RECORD
  if :: !isInline -> n_effects = n_effects & isNew :: else fi;
#endif
  isNew = 0;
  changed = (n_effects != 0 || wasDue);
  wasDue = 0
}

#ifdef WITHOUT_VERSION
#define HOLDS true
#else
#define HOLDS (version == loaded)
#endif

inline note(id) {
  applied[0] = applied[1]; applied[1] = id
}

inline store() {
  assert((effects & ~sent & ~BIT(REGISTER)) == 0);              /* A4: what this replaces was sent */
  assert(!HAS(effects, REGISTER) || registered >= version);
  assert((committed & n_effects) == 0);                         /* A3 */
  committed = committed | n_effects;
  version = loaded + 1;
  effects = n_effects;
  if
  :: isInline ->
     if :: n_effects != 0 -> said = said | BIT(inlineId); note(inlineId) :: else fi;
#ifdef WITHOUT_WAKE
     wakeAt = 0;
#else
     wakeAt = (n_effects != 0);
#endif
     effectsSequence = 0
  :: else ->
     if :: HAS(n_effects, logicalId[lowest]) -> note(logicalId[lowest]) :: else fi;
     if :: HAS(n_effects, logicalId[highest]) && highest != lowest -> note(logicalId[highest]) :: else fi;
     wakeAt = 0;
     if :: PROVES -> effectsSequence = highest :: else -> effectsSequence = 0 fi
  fi;
#ifdef APART
  if :: n_effects != 0 -> effects = effects | BIT(REGISTER); newest = version :: else fi;
#endif
#ifdef DEAD_LETTERS
  age = 0;
#endif
  loaded = version
}

/* One by one: others go on, and the worker dies, between any two. The code sends side by side; the order tells nothing. */
inline sendNext(revision) {
  n = 1;
  do :: n < WAKE && !HAS(left, n) -> n++ :: else -> break od;
  if
  :: n < WAKE ->
     assert(HAS(committed, n)); /* nothing is sent that was not committed */
     if :: IS_SUBMIT(n) && !HAS(sent, n) -> projectedAt[n] = revision :: else fi;
     sent = sent | BIT(n)
  :: else ->
     n = REGISTER;
#ifdef WITHOUT_REVISION
     registered = revision
#else
     if :: revision > registered -> registered = revision :: else fi
#endif
  fi;
  left = left & ~BIT(n);
  n = 0
}
#define SEND_EFFECTS(revision) \
  do \
  :: atomic { left != 0 -> sendNext(revision); if :: left == 0 -> break :: else fi } \
  :: atomic { left == 0 -> break } \
  :: goto dies \
  od

inline remove() {
  deleted = deleted | BIT(lowest) | BIT(highest)
}

inline acknowledge() {
  if
  :: isInline
  :: !isInline && holder == _pid -> remove(); holder = NOBODY
  :: !isInline && holder != _pid -> remove() /* by an old receipt, which may count */
  :: !isInline && holder != _pid             /* or not */
  fi
}

/* A function instance: takes batches (`takeTurns`) and the API's inline turns. */
proctype worker() {
  byte lowest, highest, loaded, sentVersion, left, isNew, n_effects, inlineId, n;
  bit isInline, wasDue, changed;

end:
  if
  :: atomic { holder == NOBODY && !IS_EMPTY && !HAS_DEAD -> receive(); busy++ }
  :: atomic { inlineTurns < INLINE_TURNS -> inlineId = INLINE + inlineTurns; inlineTurns++; isInline = 1; busy++ }
  fi;
#ifdef WITHOUT_SENDING_FIRST
  if :: atomic { true -> acknowledge() } :: goto dies fi;
#endif

turn:
#ifndef APART
  if :: atomic { true -> load(); loadJobs(); goto decides } :: goto dies fi;
#elif defined(WITHOUT_JOBS_LAST)
  if :: atomic { true -> loadJobs() } :: goto dies fi;
  if :: atomic { true -> load(); goto decides } :: goto dies fi;
#else
  if :: atomic { true -> load() } :: goto dies fi;
  if :: atomic { true -> loadJobs(); goto decides } :: goto dies fi;
#endif

decides:
  atomic {
    if :: RECORD_IS_BEHIND -> left = 0; goto turn :: else -> decide() fi;
    if :: left == 0 -> goto flushed :: else fi
  };
  SEND_EFFECTS(loaded);
  sentVersion = loaded;

flushed:
  if
  :: atomic { !changed -> goto acknowledges }
  :: atomic { changed ->
#ifdef WITHOUT_COMMIT_FIRST
       left = n_effects
#endif
     }
  fi;
#ifdef WITHOUT_COMMIT_FIRST
  SEND_EFFECTS(loaded + 1);
#endif
  if
  :: atomic { HOLDS ->
       store();
       if :: left = effects :: goto turn fi } /* or the answer is lost: the SDK tries again and reads a conflict */
  :: atomic { !HOLDS -> goto turn }
  :: goto dies
  fi;
  SEND_EFFECTS(loaded);

acknowledges:
  if :: atomic { true -> acknowledge() } :: true fi;

dies:
  atomic {
    lowest = 0; highest = 0; loaded = 0; sentVersion = 0; left = 0; isNew = 0; n_effects = 0; inlineId = 0;
    isInline = 0; wasDue = 0; changed = 0;
    busy--;
    goto end
  }
}

/* The queue. A batch that was not deleted in its time is there again; its worker, dead or late, does not know. */
proctype visibility() {
end:
  do
  :: atomic { holder != NOBODY -> holder = NOBODY }
  od
}

#define IS_WAKE(s) (logicalId[s] == WAKE && !HAS(deleted, s))
/* Sends only; and not what is still there. Wake-ups come after the clients' messages, but for one sent again. */
proctype sweeper() {
end:
  do
  :: atomic { wakeAt && !IS_WAKE(SEQUENCES) && !IS_WAKE(SEQUENCES - 1) -> send(WAKE) }
  od
}

/* Everything said was applied, and everything stored was sent. */
inline atRest() {
#ifndef DEAD_LETTERS
  assert((BIT(MESSAGES + 1) - 2) == (committed & (BIT(MESSAGES + 1) - 2)));
  assert((committed & ~sent) == 0);
  assert(registered == newest)
#else
  skip /* what died twice is told of: its job's deadline ends the rest */
#endif
}

#ifdef DEAD_LETTERS
inline move(s) {
  deleted = deleted | BIT(s);
  if :: !HAS(returned, logicalId[s]) -> returned = returned | BIT(logicalId[s]); send(logicalId[s]) :: else fi
}

/* The queue's redrive and shared/app/return-dead-letters.ts in one step: what is dead is sent to its apartment again, once. */
proctype deadLetters() {
  byte s;
end:
  do
  :: atomic { holder == NOBODY && HAS_DEAD ->
       s = 1;
       do :: !IS_DEAD(s) -> s++ :: else -> break od;
       move(s);
       s = 0 }
  od
}
#endif

proctype clients() {
  byte again;
end:
  do
  :: atomic { again < AGAIN -> again++; send(1) } /* by a client's retry or the sweeper, any time later */
  :: atomic { again == AGAIN && IS_EMPTY && busy == 0 && !wakeAt -> atRest(); break }
  od
}

init {
  send(1); send(2);
#if MESSAGES == 3
  send(3);
#endif
  atomic { run worker(); run worker(); run visibility(); run sweeper(); run clients() }
#ifdef DEAD_LETTERS
  run deadLetters()
#endif
}
