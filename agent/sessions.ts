/**
 * The agent's session with the control plane: opened, kept fresh, and opened anew under a new boot when it is refused.
 *
 *  1. `stale_boot` means that commands addressed to this boot are void: the host was fenced or joined again, or another
 *     agent opened a session in its name. In every case this boot ends and a *new* boot id opens the next session, so that
 *     what still lies in the queue for the old one is stale and never done.
 *  2. Two agents in one host's name would end each other's boots for ever. The newest start wins: who is refused
 *     `REFUSALS_MAX` times within `REFUSALS_WINDOW_MS` stops, and the older one reaches that number first.
 *  3. Credentials are renewed, under the same boot, when four fifths of their time are over by the server's own account
 *     (`expiresAt - now`), counted on the monotonic clock.
 */
import type { SessionAnswer } from "../shared/model/agent-protocol.ts";
import type { BootId } from "../shared/model/ids.ts";
import { backoff } from "./backoff.ts";
import type { ControlPlane, Said } from "./control-plane.ts";
import type { Noter } from "./note.ts";
import { type AgentTime, pause } from "./time.ts";

const REFUSALS_MAX = 3;
const REFUSALS_WINDOW_MS = 600_000;
const RENEW_FRACTION = 0.8;
/** Never renewed more often: a server whose credentials live for seconds is wrong, not to be hammered. */
const RENEW_MS_MIN = 5_000;

/** The agent cannot go on; the message is one line for the operator. */
export class AgentRefused extends Error {}
/** The agent was told to stop. */
export class AgentStopped extends Error {}

export type Session = {
  readonly bootId: BootId;
  readonly granted: SessionAnswer;
  /** Aborts when the boot ends. */
  readonly ended: AbortSignal;
};

export interface Sessions {
  readonly controlPlane: ControlPlane;
  /** The boot whose commands are done: that of the session open or being opened. */
  readonly bootId: () => BootId;
  /** The session as it is, once there is one. Rejects with `AgentRefused` or `AgentStopped` when there will be none. */
  readonly opened: () => Promise<Session>;
  /** Somebody was told `stale_boot` under that boot. */
  readonly refused: (bootId: BootId) => void;
  /** The credentials were refused: get new ones. */
  readonly renew: () => void;
  /** Opens and renews, until the signal. Rejects with `AgentRefused`. */
  readonly run: () => Promise<void>;
}

export type SessionsDeps = {
  readonly time: AgentTime;
  readonly random: () => number;
  readonly newBootId: () => BootId;
  readonly controlPlane: ControlPlane;
  readonly agentVersion: string;
  /** Said at each session: where other hosts' VMs are moved to. */
  readonly migrationUri: string | undefined;
  readonly note: Noter;
  readonly signal: AbortSignal;
};

export function sessions(deps: SessionsDeps): Sessions {
  const { time, controlPlane, signal } = deps;
  const refusedAts: number[] = [];
  let bootId = deps.newBootId();
  let session = Promise.withResolvers<Session>();
  session.promise.catch(() => {});
  let interrupt = new AbortController();
  let boot = new AbortController();

  const endBoot = () => {
    bootId = deps.newBootId(); // 1
    session = Promise.withResolvers();
    session.promise.catch(() => {});
    boot.abort();
    boot = new AbortController();
    interrupt.abort();
  };

  /** Opens or renews; answers how long the credentials are good for. */
  const open = async (): Promise<number> => {
    for (;;) {
      const opened = await untilGranted(deps, () => bootId);
      if (opened === undefined) return 0;
      if (opened.bootId !== bootId) continue; // It ended meanwhile.
      const now = { ...opened, ended: boot.signal };
      session.resolve(now);
      session = resolved(now);
      return renewAfterMs(now.granted);
    }
  };

  const run = async () => {
    while (!signal.aborted) {
      interrupt = new AbortController();
      const delayMs = await open();
      const both = AbortSignal.any([signal, interrupt.signal]);
      await pause(time, { delayMs, signal: both }); // 3
      if (tooManyRefusals(refusedAts, time.monotonicNow()))
        throw new AgentRefused(
          "another agent keeps opening sessions in this host's name; the newest one goes on",
        ); // 2
    }
  };

  return {
    controlPlane,
    bootId: () => bootId,
    opened: () => session.promise,
    refused: (refusedBootId) => {
      if (refusedBootId !== bootId) return;
      deps.note({ level: "warn", message: "session refused: beginning a new boot", bootId });
      refusedAts.push(time.monotonicNow());
      endBoot();
    },
    renew: () => interrupt.abort(),
    run: async () => {
      try {
        await run();
        session.reject(new AgentStopped("the agent stops"));
      } catch (error) {
        session.reject(error);
        throw error;
      }
    },
  };
}

/** Asks for the boot as it is each time, until it is answered; `undefined` at the signal. Throws `AgentRefused`. */
async function untilGranted(
  { controlPlane, agentVersion, migrationUri, time, random, note, signal }: SessionsDeps,
  currentBootId: () => BootId,
): Promise<Omit<Session, "ended"> | undefined> {
  const retry = backoff(random);
  while (!signal.aborted) {
    const bootId = currentBootId();
    const said = await controlPlane.openSession({ bootId, agentVersion, migrationUri });
    if (signal.aborted) return undefined;
    if (said.status === "answered") return { bootId, granted: said.answer };
    if (said.status === "refused") throw new AgentRefused(refusal(said));
    note({ level: "warn", message: "no session yet", ...said });
    const atLeastMs = said.status === "unavailable" ? said.retryAfterMs : 0;
    await pause(time, { delayMs: retry.next(atLeastMs), signal });
  }
  return undefined;
}

function resolved(session: Session): PromiseWithResolvers<Session> {
  const settled = Promise.withResolvers<Session>();
  settled.resolve(session);
  return settled;
}

function renewAfterMs({ credentials, now }: SessionAnswer): number {
  const lifeMs = Date.parse(credentials.expiresAt) - Date.parse(now);
  return Math.max(lifeMs * RENEW_FRACTION, RENEW_MS_MIN);
}

function tooManyRefusals(ats: number[], now: number): boolean {
  while (ats[0] !== undefined && now - ats[0] > REFUSALS_WINDOW_MS) ats.shift();
  return ats.length >= REFUSALS_MAX;
}

function refusal(said: Extract<Said<never>, { status: "refused" }>): string {
  return said.code === "unauthenticated"
    ? "the control plane does not know this host's key: join with a new token"
    : `the control plane refused the session: ${said.code}: ${said.detail}`;
}
