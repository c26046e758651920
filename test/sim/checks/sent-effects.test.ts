import { describe, expect, it } from "vitest";
import type { Effect } from "../../../shared/model/effect.ts";
import { effectName } from "../../../sim/checks/effect-name.ts";
import { sentEffects } from "../../../sim/checks/sent-effects.ts";
import { hostId, vmId } from "../../support/a-record.ts";

const effect: Effect = { kind: "release", hostId, vmId, revision: 2 };
const name = effectName(effect);

function watched() {
  const broken: string[] = [];
  const effects = sentEffects((invariant, detail) => broken.push(`${invariant}: ${detail}`));
  const commit = (version: number, ...of: Effect[]) =>
    effects.committed(vmId, { version, effects: of, messageIds: [`message-${version}`] });
  return { broken, effects, commit };
}

describe("A4, as the simulation sees it", () => {
  it("holds when a commit's effects are carried out before the next, and before its messages go", () => {
    const { broken, effects, commit } = watched();
    commit(2, effect);
    effects.carriedOut(name);
    effects.acknowledged(vmId, ["message-2"]);
    commit(3);
    expect(broken).toEqual([]);
    expect(effects.unsent()).toBeUndefined();
  });

  it("breaks when a commit replaces one whose effect was never sent", () => {
    const { broken, commit } = watched();
    commit(2, effect);
    commit(3);
    expect(broken).toEqual([expect.stringContaining("version 2 was overwritten")]);
  });

  it("breaks when a message is deleted before its effects were sent, and not when another's is", () => {
    const { broken, effects, commit } = watched();
    commit(2, effect);
    effects.acknowledged(vmId, ["message-1"]);
    expect(broken).toEqual([]);
    effects.acknowledged(vmId, ["message-2"]);
    expect(broken).toEqual([expect.stringContaining("a message was deleted before")]);
  });

  it("breaks when something is carried out that no commit has said", () => {
    const { broken, effects } = watched();
    effects.carriedOut(name);
    expect(broken).toEqual([expect.stringContaining("no commit says so")]);
  });

  it("takes what is carried out twice for once", () => {
    const { broken, effects, commit } = watched();
    commit(2, effect);
    effects.carriedOut(name);
    effects.carriedOut(name);
    expect(broken).toEqual([]);
  });
});
