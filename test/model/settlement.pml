/*
 * Settlement (A6): one VM, two hosts, commands that take time (shared/core/settle.ts, shared/work/ask-host.ts, agent/runner.ts).
 *
 *   never two   no start or migration turns the VM on at one host while it is on, or may come on, at the other, but for the
 *               migration's own source
 *   no secret   where the VM is on, or may come on, is its host in the record or has a command unsettled
 *   evidence    a job that says Running or Stopped, by what it saw, says what is so
 *
 * COMMANDS commands, whose numbers are their epochs (ADR 3); JOBS jobs, each a start, a forced stop or a migration; RESTARTS
 * restarts of agents, with or without their disks; DEATHS hosts without power, which may be fenced and come back; REPORTS. A
 * command may arrive at any time after its commit, as workers that come late send it again: no order of the queue is relied
 * upon. So may a result. Each WITHOUT_… takes one rule away, and this must fail. Bounds, abstractions and results: README.md.
 */
#ifndef COMMANDS
#define COMMANDS 4
#endif
#ifndef JOBS
#define JOBS     2
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#ifndef DEATHS
#define DEATHS   0
#endif

#define BIT(n)   (1 << (n))
#define HAS(s,n) ((s) & BIT(n))
#define BELOW(n) (BIT(n) - 1)
#define NOWHERE  2
#define OTHER(h) (1 - (h))

mtype = { start, poweroff, probe, migrate };              /* verbs */
mtype = { done, failed, stale, outcome_unknown };         /* results; a start's `timeout` is as its outcome_unknown */
mtype = { Stopped, Running, Unknown };                    /* the VM's state between jobs */
mtype = { asking, sending };                              /* what the active job waits for: a probe's result, a deed's */

typedef Command { mtype verb, result; byte boot; bit host, power, isBusy }
Command command[COMMANDS + 1];
byte epoch;                   /* commands sent so far */
#define VERB(e)     command[e].verb
#define TURNS_ON(e) (VERB(e) == start || VERB(e) == migrate)

/* The record: commands unsettled at a host, a migration at its source and at its target. */
mtype state = Stopped;
byte hostId = NOWHERE;
byte unsettled[2];
byte sentTo[2];               /* commands by the host that they were sent to */
byte jobs;
mtype job, step;              /* the active job, by its verb */
byte waitFor;                 /* the command whose result is waited for */
byte inDoubt;                 /* hosts to be asked */

/* Agents, their logs, and what is true. */
typedef Host {
  byte boot, highest;         /* epoch */
  byte seen, waiting, running;/* commands in the log; of those, not begun, and begun without an end */
  bit isUp;                   /* it has power, and its agent a session */
  bit on;
  byte op;                    /* start or migration that the hypervisor is at, whether or not the agent still waits for it */
  byte saidBoot, saidEpoch;   /* a report that has not arrived */
  bit said, saidOn
}
Host at[2];
byte restarts, deaths;

/* What was told first may still arrive. */
inline answer(e, what) {
  at[command[e].host].waiting = at[command[e].host].waiting & ~BIT(e);
  at[command[e].host].running = at[command[e].host].running & ~BIT(e);
  if :: command[e].result == 0 -> command[e].result = what :: else fi
}

/* --- hypervisors ------------------------------------------------------------------------------------------------------ */

/* Something that may still turn the VM on at this host. */
#define MAY_COME_ON(h) (VERB(at[h].op) == start || VERB(at[OTHER(h)].op) == migrate)

#define CAN_COME_TRUE(h) (VERB(at[h].op) == start || (VERB(at[h].op) == migrate && at[h].on && at[OTHER(h)].isUp))

inline comeTrue(h) {
  e = at[h].op;
  at[h].op = 0;
  if
  :: VERB(e) == start ->
     assert(!at[OTHER(h)].on && !MAY_COME_ON(OTHER(h)));        /* never two */
     at[h].on = 1
  :: else ->
     assert(!at[OTHER(h)].on && VERB(at[OTHER(h)].op) != start); /* never two */
     at[h].on = 0; at[OTHER(h)].on = 1
  fi;
  if :: HAS(at[h].running, e) -> answer(e, done) :: else fi;
  e = 0
}

inline comeToNothing(h) {
  e = at[h].op;
  at[h].op = 0;
  if :: HAS(at[h].running, e) -> answer(e, failed) :: else fi;
  e = 0
}

/* --- agents ----------------------------------------------------------------------------------------------------------- */

/* agent/admit.ts */
#ifdef WITHOUT_EPOCH
#define IS_LOW(e, h) false
#else
#define IS_LOW(e, h) ((e) < at[h].highest)
#endif
#ifdef WITHOUT_BOOT
#define IS_OVER(e, h) false
#else
#define IS_OVER(e, h) (command[e].boot != at[h].boot)
#endif

/* What waits with a lower epoch never begins (agent/lane.ts). */
inline receive(e, h) {
  at[h].seen = at[h].seen | BIT(e);
  if
  :: IS_LOW(e, h) || IS_OVER(e, h) -> answer(e, stale)
  :: else ->
     o = 1;
     do
     :: o < e -> if :: HAS(at[h].waiting, o) -> answer(o, stale) :: else fi; o++
     :: else -> o = 0; break
     od;
     at[h].waiting = at[h].waiting | BIT(e)
  fi;
  if :: e > at[h].highest -> at[h].highest = e :: else fi
}

#ifdef WITHOUT_BUSY
#define IS_BUSY(h) 0
#else
#define IS_BUSY(h) (at[h].op != 0 || at[h].running != 0)
#endif

/* One at a time, but for probes and power-offs. */
#define MAY_BEGIN(e, h) (HAS(at[h].waiting, e) && (!TURNS_ON(e) || (at[h].running == 0 && at[h].op == 0)))

inline begin(e, h) {
  if
  :: IS_LOW(e, h) -> answer(e, stale)
  :: else ->
     if
     :: VERB(e) == probe ->
        command[e].isBusy = IS_BUSY(h);
        command[e].power = at[h].on;
        answer(e, done)
     :: (VERB(e) == start && at[h].on) || (VERB(e) == migrate && !at[h].on) -> answer(e, failed)
     :: else ->
        at[h].waiting = at[h].waiting & ~BIT(e);
        at[h].running = at[h].running | BIT(e);
        if :: TURNS_ON(e) -> at[h].op = e :: else fi
     fi
  fi
}

/* Over when the VM is off and nothing that was begun before is left to turn it on (agent/execute.ts). */
inline powerOff(e, h) {
  at[h].on = 0;
  o = at[h].op;
  at[h].op = 0;
  if :: HAS(at[h].running, o) -> answer(o, outcome_unknown) :: else fi;
  answer(e, done);
  o = 0
}

/* Something about the command `e`, which was chosen without looking; or nothing. */
inline agentActs() {
  g = command[e].host;
  if
  :: !at[g].isUp
  :: at[g].isUp && !HAS(at[g].seen, e) -> receive(e, g)
  :: at[g].isUp && MAY_BEGIN(e, g) -> begin(e, g)
  :: at[g].isUp && HAS(at[g].running, e) && VERB(e) == poweroff -> powerOff(e, g)
  :: at[g].isUp && HAS(at[g].running, e) && TURNS_ON(e) -> answer(e, outcome_unknown) /* its time is over */
  :: else
  fi;
  g = 0
}

/*
 * A new session (agent/leftovers.ts). An agent without its disk knows of nothing that was; what its hypervisor is at it sees
 * there.
 */
inline restart(h, lostDisk) {
  at[h].boot++;
  at[h].isUp = 1;
  if
  :: lostDisk -> at[h].seen = 0; at[h].waiting = 0; at[h].running = 0; at[h].highest = 0
  :: else ->
     e = 1;
     do
     :: e <= epoch ->
        if
        :: HAS(at[h].waiting, e) -> answer(e, stale)
        :: HAS(at[h].running, e) -> answer(e, outcome_unknown)
        :: else
        fi;
        e++
     :: else -> e = 0; break
     od
  fi
}

inline die(h) {
  deaths++;
  at[h].isUp = 0; at[h].on = 0; at[h].op = 0
}

/* A report that no job waits for changes nothing here. One may be late; it is lost if a newer one comes. */
inline report(h) {
  at[h].said = 1; at[h].saidBoot = at[h].boot; at[h].saidEpoch = at[h].highest; at[h].saidOn = at[h].on
}

/* --- the apartment ---------------------------------------------------------------------------------------------------- */

inline endJob(s) {
  state = s;
  job = 0; step = 0; waitFor = 0; inDoubt = 0
}

/* Nobody said in time what is true; or this model has no command left. What was certain before stays so. */
inline giveUp() {
  if
  :: job == start && state == Stopped && hostId == NOWHERE -> endJob(Stopped)
  :: else -> endJob(Unknown)
  fi
}

inline isOff() {
  assert(!at[0].on && !at[1].on && !MAY_COME_ON(0) && !MAY_COME_ON(1)); /* evidence */
  hostId = NOWHERE;
  endJob(Stopped)
}

inline isOnAt(h) {
  hostId = h;
  endJob(Running)
}

inline send(v, h) {
  if
  :: epoch == COMMANDS -> giveUp()
  :: else ->
     epoch++;
     VERB(epoch) = v; command[epoch].host = h; command[epoch].boot = at[h].boot;
     sentTo[h] = sentTo[h] | BIT(epoch);
     waitFor = epoch;
     step = (v == probe -> asking : sending);
     if :: v != probe -> unsettled[h] = unsettled[h] | BIT(epoch) :: else fi;
     if
     :: v == migrate -> unsettled[OTHER(h)] = unsettled[OTHER(h)] | BIT(epoch)
     :: v == start ->
#ifndef WITHOUT_SETTLEMENT
        assert(unsettled[OTHER(h)] == 0); /* shared/core/carry-out.ts: else the decision throws */
#endif
        hostId = h
     :: else
     fi
  fi
}

#define UNSETTLED_HERE(h) (unsettled[h] & sentTo[h])
#ifdef WITHOUT_SOURCE_FIRST
#define GOES_FIRST(h) true
#else
/* Where a command was sent to: as long as it runs there it may change what is true at its target. */
#define GOES_FIRST(h) (UNSETTLED_HERE(h) != 0 || UNSETTLED_HERE(OTHER(h)) == 0 || !HAS(inDoubt, OTHER(h)))
#endif

/* Asks the next host in doubt. None left: the VM is off. */
inline askNext() {
  if
  :: HAS(inDoubt, 0) && GOES_FIRST(0) -> send(probe, 0)
  :: HAS(inDoubt, 1) && GOES_FIRST(1) -> send(probe, 1)
  :: inDoubt == 0 && job == start -> if :: g = 0 :: g = 1 fi; send(start, g)
  :: inDoubt == 0 && job != start -> isOff()
  fi
}

/* Nobody said how it ended, or not with evidence: its hosts are asked. */
inline doubt() {
#ifdef WITHOUT_SETTLEMENT
  inDoubt = 0;
#else
  inDoubt = (VERB(waitFor) == migrate -> 3 : BIT(command[waitFor].host));
#endif
  askNext()
}

#ifdef WITHOUT_STALE
#define SETTLES(r) ((r) == done || (r) == failed || (r) == stale)
#elif defined(WITHOUT_UNKNOWN)
#define SETTLES(r) ((r) == done || (r) == failed || (r) == outcome_unknown)
#else
#define SETTLES(r) ((r) == done || (r) == failed)
#endif
/* That the target has the VM is for the target to say. */
#ifdef WITHOUT_TARGET
#define DONE_SETTLES_ALL true
#else
#define DONE_SETTLES_ALL false
#endif
#ifdef WITHOUT_SOURCE_FIRST
#define KEPT(h) 0
#else
/* A migration to this host, while it is not settled where it was sent to. */
#define KEPT(h) UNSETTLED_HERE(OTHER(h))
#endif

#define ANSWERED(e) (command[e].result == done && !command[e].isBusy)

/* shared/core/settle.ts */
inline settle(e, h) {
  if
  :: VERB(e) == probe && e == waitFor && ANSWERED(e) -> unsettled[h] = unsettled[h] & (~BELOW(e) | KEPT(h))
  :: VERB(e) != probe && SETTLES(command[e].result) ->
     unsettled[h] = unsettled[h] & ~BIT(e);
     if :: command[e].result == failed || DONE_SETTLES_ALL -> unsettled[OTHER(h)] = unsettled[OTHER(h)] & ~BIT(e) :: else fi
  :: else
  fi
}

/* A result that arrives, early or late, once or twice. */
inline takeResult() {
  g = command[e].host;
  settle(e, g);
  if
  :: e != waitFor
  :: e == waitFor && step == sending -> doubt()
  :: e == waitFor && step == asking && !ANSWERED(e) -> if :: true -> send(probe, g) :: true -> giveUp() fi
  :: e == waitFor && step == asking && ANSWERED(e) && command[e].power && job == poweroff -> inDoubt = 0; hostId = g; send(poweroff, g)
  :: e == waitFor && step == asking && ANSWERED(e) && command[e].power && job != poweroff -> isOnAt(g)
  :: e == waitFor && step == asking && ANSWERED(e) && !command[e].power -> inDoubt = inDoubt & ~BIT(g); askNext()
  fi;
  g = 0
}

/* shared/core/observe.ts, evidenceFor */
#ifdef WITHOUT_EVIDENCE
#define IS_EVIDENCE(h) true
#else
#define IS_EVIDENCE(h) (at[h].saidBoot == command[waitFor].boot && at[h].saidEpoch >= waitFor)
#endif

inline hear(h) {
  if
  :: step == sending && command[waitFor].host == h && IS_EVIDENCE(h) ->
     if
     :: VERB(waitFor) == start && at[h].saidOn -> isOnAt(h)
     :: VERB(waitFor) == poweroff && !at[h].saidOn -> isOff()
     :: else
     fi
  :: else
  fi;
  at[h].said = 0; at[h].saidBoot = 0; at[h].saidEpoch = 0; at[h].saidOn = 0
}

/* An operator vouches that the host is off: nothing that was sent to it will run. What another host sends there still may. */
inline fence(h) {
#ifdef WITHOUT_KEEPING
  unsettled[h] = 0;
#else
  unsettled[h] = unsettled[h] & KEPT(h);
#endif
  if
  :: job == 0 && hostId == h -> state = Stopped; hostId = NOWHERE
  :: step == asking && command[waitFor].host == h -> inDoubt = inDoubt & ~BIT(h); askNext()
  :: step == sending && command[waitFor].host == h -> inDoubt = (VERB(waitFor) == migrate -> BIT(OTHER(h)) : 0); askNext()
  :: else
  fi
}

/* Hosts that may have the VM on, as far as the record knows. */
inline beginJob(verb) {
  jobs++;
  job = verb;
#ifndef WITHOUT_SETTLEMENT
  inDoubt = (unsettled[0] != 0 -> 1 : 0) | (unsettled[1] != 0 -> 2 : 0);
#endif
  if :: state == Unknown && hostId != NOWHERE -> inDoubt = inDoubt | BIT(hostId) :: else fi;
  if
  :: job == poweroff && state == Running -> inDoubt = 0; send(poweroff, hostId)
  :: job == migrate -> inDoubt = 0; send(migrate, hostId)
  :: else -> askNext()
  fi
}

#define IS_TOLD (command[e].result != 0 && (e == waitFor || HAS(unsettled[0] | unsettled[1], e)))
#define IS_KNOWN(h) ((!at[h].on && !MAY_COME_ON(h)) || hostId == h || unsettled[h] != 0)

#define HOST(h) \
  :: d_step { CAN_COME_TRUE(h) -> comeTrue(h) } \
  :: d_step { at[h].op != 0 -> comeToNothing(h) } \
  :: d_step { at[h].isUp && restarts < RESTARTS -> restarts++; restart(h, false) } \
  :: d_step { at[h].isUp && restarts < RESTARTS -> restarts++; restart(h, true) } \
  :: d_step { at[h].isUp && deaths < DEATHS -> die(h) } \
  :: d_step { !at[h].isUp -> restart(h, false) } \
  :: atomic { !at[h].isUp -> fence(h); g = 0 }

init {
  byte e, o, g;
  at[0].isUp = 1; at[1].isUp = 1;
end:
  do
  HOST(0)
  HOST(1)
  :: atomic { epoch > 0 -> select(e : 1 .. epoch); agentActs(); e = 0 }
  :: atomic { epoch > 0 -> select(e : 1 .. epoch); if :: IS_TOLD -> takeResult() :: else fi; e = 0 }
  :: atomic { step == asking -> giveUp() }
  :: atomic { step == sending -> doubt(); g = 0 }
  :: atomic { job == 0 && jobs < JOBS ->
       if
       :: state != Running -> beginJob(start)
       :: state != Stopped -> beginJob(poweroff)
       :: state == Running && unsettled[OTHER(hostId)] == 0 -> beginJob(migrate)
       fi;
       g = 0 }
#ifdef REPORTS
  :: d_step { step == sending && at[command[waitFor].host].isUp -> g = command[waitFor].host; report(g); g = 0 }
  :: atomic { at[0].said -> hear(0) }
  :: atomic { at[1].said -> hear(1) }
  :: at[0].on -> at[0].on = 0 /* the guest turns itself off */
  :: at[1].on -> at[1].on = 0
#endif
  :: !IS_KNOWN(0) || !IS_KNOWN(1) -> assert(false) /* no secret */
  od
}
