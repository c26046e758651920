import { generateKeyPairSync } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import type { ControlPlane, Said } from "../../agent/control-plane.ts";
import type { DataFolder } from "../../agent/data-folder.ts";
import { joinHost } from "../../agent/join-host.ts";
import type { AgentIdentity } from "../../shared/model/agent-state.ts";
import { HostId } from "../../shared/model/ids.ts";
import { fakeControlPlane } from "../support/agent/fake-control-plane.ts";
import { type ManualTime, manualTime } from "../support/agent/manual-time.ts";
import { memoryDisk, openMemoryLog } from "../support/agent/memory-log-file.ts";

const HOST = { hostId: HostId.parse("host-1"), controlPlaneUrl: "http://127.0.0.1:1/" };
const OK = { status: "answered", answer: undefined } as const;
const LOST = { status: "unavailable", detail: "lost", retryAfterMs: 0 } as const;
const REFUSED = { status: "refused", code: "unauthenticated", detail: "no" } as const;

let time: ManualTime;
let identity: AgentIdentity | undefined;
let answers: Said<undefined>[];
let tried: string[];
let keyIsNew: boolean;
beforeEach(() => {
  keyIsNew = true;
  time = manualTime();
  identity = undefined;
  answers = [];
  tried = [];
});

function join(joinToken: string | undefined, host = HOST): Promise<void> {
  const controlPlane: ControlPlane = {
    ...fakeControlPlane().port,
    join: async (request) => {
      tried.push(request.joinToken);
      return answers.shift() ?? OK;
    },
  };
  const folder: DataFolder = {
    privateKey: generateKeyPairSync("ed25519").privateKey,
    keyIsNew,
    identity,
    writeIdentity: async (written) => {
      identity = written;
    },
    lease: undefined,
    writeLease: async () => {},
    log: openMemoryLog(memoryDisk()),
    close: async () => {},
  };
  const signal = new AbortController().signal;
  return joinHost(
    { time, random: () => 0.5, controlPlane, folder, note: () => {}, signal },
    { ...host, joinToken },
  );
}

test("1: a token is used once, and may stay where it is; a new one joins anew", async () => {
  await join("token-1");
  await join("token-1");
  await join(undefined);
  await join("token-2");
  expect(tried).toEqual(["token-1", "token-2"]);
});

test("a host that never joined needs a token", async () => {
  await expect(join(undefined)).rejects.toThrow("this host has not joined yet: give --join-token");
});

test("a refused token is final, and is tried again at the next start", async () => {
  answers = [REFUSED];
  await expect(join("token-1")).rejects.toThrow(/the join was refused: unauthenticated: no/);
  expect(identity).toBeUndefined();
  await join("token-1");
  expect(identity?.hostId).toBe("host-1");
});

test("2: a refusal after a lost answer is left to the session to judge", async () => {
  answers = [LOST, REFUSED];
  const joined = join("token-1");
  await time.advance(1000);
  await joined;
  expect(identity).toBeDefined();
});

test("2: a refusal of a key that an earlier process may have joined with is left to the session too", async () => {
  keyIsNew = false;
  answers = [REFUSED];
  await join("token-1");
  expect(identity).toBeDefined();
});

test("a folder of another host is refused", async () => {
  await join("token-1");
  await expect(join("token-1", { ...HOST, hostId: HostId.parse("host-2") })).rejects.toThrow(
    /belongs to the host host-1, not host-2/,
  );
});
