/**
 * Joins the host with a one-time token, once.
 *
 *  1. A token that was used already is not tried again, so it may stay in a unit file; a new one joins anew.
 *  2. A join whose answer was lost, to this process or to one that died over it, has used the token up: what decides is
 *     whether a session opens with this key, so a refused join is only final for a key that is new.
 */
import { createHash } from "node:crypto";
import { rawPublicKey } from "../shared/http/ed25519.ts";
import type { HostId } from "../shared/model/ids.ts";
import { backoff } from "./backoff.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { DataFolder } from "./data-folder.ts";
import type { Noter } from "./note.ts";
import { AgentRefused } from "./sessions.ts";
import { type AgentTime, pause } from "./time.ts";

export type JoinDeps = {
  readonly time: AgentTime;
  readonly random: () => number;
  readonly controlPlane: ControlPlane;
  readonly folder: DataFolder;
  readonly note: Noter;
  readonly signal: AbortSignal;
};

/** Throws `AgentRefused` with a line for the operator. */
export async function joinHost(
  deps: JoinDeps,
  host: {
    readonly hostId: HostId;
    readonly controlPlaneUrl: string;
    readonly joinToken: string | undefined;
  },
): Promise<void> {
  const { identity } = deps.folder;
  if (identity !== undefined && identity.hostId !== host.hostId)
    throw new AgentRefused(
      `the data folder belongs to the host ${identity.hostId}, not ${host.hostId}`,
    );
  const { joinToken } = host;
  if (joinToken === undefined) {
    if (identity === undefined)
      throw new AgentRefused("this host has not joined yet: give --join-token");
    return;
  }
  const joinTokenHash = createHash("sha256").update(joinToken).digest("hex");
  if (identity?.joinTokenHash === joinTokenHash) return; // 1
  await joinUntilAnswered(deps, { joinToken, ...deps.folder });
  await deps.folder.writeIdentity({
    v: 1,
    hostId: host.hostId,
    controlPlane: host.controlPlaneUrl,
    joinTokenHash,
  });
}

async function joinUntilAnswered(
  deps: JoinDeps,
  join: { readonly joinToken: string } & Pick<DataFolder, "privateKey" | "keyIsNew">,
): Promise<void> {
  const { controlPlane, time, signal, note } = deps;
  const retry = backoff(deps.random);
  const publicKey = rawPublicKey(join.privateKey);
  let answersLost = 0;
  while (!signal.aborted) {
    const said = await controlPlane.join({ joinToken: join.joinToken, publicKey });
    if (said.status === "answered") return;
    if (said.status === "refused") {
      const reason = `the join was refused: ${said.code}: ${said.detail}`;
      if (answersLost === 0 && join.keyIsNew) throw new AgentRefused(reason);
      return note({ level: "warn", message: "perhaps joined before", detail: reason }); // 2
    }
    if (said.status === "stale_boot") throw new AgentRefused("the join was refused: stale_boot");
    answersLost += 1;
    note({ level: "warn", message: "not joined yet", detail: said.detail });
    await pause(time, { delayMs: retry.next(said.retryAfterMs), signal });
  }
  throw new AgentRefused("stopped before the host had joined");
}
