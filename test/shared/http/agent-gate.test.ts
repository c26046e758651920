import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, it } from "vitest";
import { agentGate } from "../../../shared/http/agent-gate.ts";
import { rawPublicKey } from "../../../shared/http/ed25519.ts";
import { signRequest } from "../../../shared/http/message-signature.ts";
import { HostId } from "../../../shared/model/ids.ts";
import { ROUTES } from "../../../shared/model/routes.ts";

const NOW = 1_800_000_000_000;
const first = generateKeyPairSync("ed25519").privateKey;
const second = generateKeyPairSync("ed25519").privateKey;
const bytes = Buffer.from("{}");

/** A gate over recorded keys, which a test may change, and how often each was read. */
function aGate(recorded: Record<string, KeyObject>) {
  const reads: string[] = [];
  const logged: string[] = [];
  const { gate, forget } = agentGate({
    readKey: async (hostId) => {
      reads.push(hostId);
      const key = recorded[hostId];
      return key === undefined ? undefined : rawPublicKey(key);
    },
    now: () => NOW,
    log: ({ reason }) => logged.push(reason),
  });
  const knock = (host: string, privateKey: KeyObject, as = host) => {
    const path = `/v1/agents/${host}/reports`;
    const signature = signRequest({
      ...{ method: "POST", url: path, body: bytes, keyId: as, privateKey },
      createdSeconds: NOW / 1000,
    });
    return gate(
      {
        ...{ method: "POST", path, bytes, query: {}, requestId: "r" },
        headers: { ...signature },
        params: { hostId: host },
      },
      ROUTES.report,
    );
  };
  return { recorded, reads, logged, forget, knock };
}
const refusal = { ok: false, code: "unauthenticated" };

describe("the agents' gate", () => {
  it("lets a host in by its key, and reads that once (2)", async () => {
    const { knock, reads } = aGate({ "host-a": first });
    for (let time = 0; time < 3; time += 1)
      expect(await knock("host-a", first)).toEqual({
        ok: true,
        value: { hostId: "host-a", publicKey: rawPublicKey(first) },
      });
    expect(reads).toEqual(["host-a"]);
  });

  it("lets no host speak for another (1)", async () => {
    const { knock, logged } = aGate({ "host-a": first, "host-b": second });
    expect(await knock("host-b", first)).toMatchObject(refusal);
    expect(await knock("host-b", first, "host-a")).toMatchObject(refusal);
    expect(logged).toEqual(["wrong_signature", "wrong_key"]);
  });

  it("says the same of a host that there is not", async () => {
    const { knock, logged } = aGate({});
    const nobody = await knock("host-a", first);
    const wrong = await aGate({ "host-a": second }).knock("host-a", first);
    expect(nobody).toEqual(wrong);
    expect(logged).toEqual(["not_joined"]);
  });

  it("says the same of what is no host's name, and reads nothing", async () => {
    const { knock, reads } = aGate({});
    expect(await knock("Not-A-Host", first)).toMatchObject(refusal);
    expect(reads).toEqual([]);
  });

  it("knows a host that joined again at its first request (3)", async () => {
    const { knock, recorded, reads } = aGate({ "host-a": first });
    await knock("host-a", first);
    recorded["host-a"] = second;
    expect((await knock("host-a", second)).ok).toBe(true);
    expect((await knock("host-a", second)).ok).toBe(true);
    expect(reads).toHaveLength(2);
  });

  it("believes an old key until it is told to forget it: what that may do is the store's to say (2)", async () => {
    const { knock, recorded, forget } = aGate({ "host-a": first });
    await knock("host-a", first);
    recorded["host-a"] = second;
    expect((await knock("host-a", first)).ok).toBe(true);
    forget(HostId.parse("host-a"));
    expect(await knock("host-a", first)).toMatchObject(refusal);
  });

  it("reads once for each signature that is wrong", async () => {
    const { knock, reads } = aGate({ "host-a": first });
    for (let time = 0; time < 3; time += 1) await knock("host-a", second);
    expect(reads).toHaveLength(3);
  });
});
