/** What agents, or who poses as one, may send and must not get through, with the contract's answer to each. */
import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { REPORT_VMS_MAX, SIGNATURE_FRESH_SECONDS } from "../../shared/model/agent-protocol.ts";
import type { ProblemCode } from "../../shared/model/problem.ts";
import { BODY_BYTES_MAX } from "../../shared/model/routes.ts";
import { type SigningHost, signedBy, unsigned, type WireRequest } from "./signing-host.ts";

/** `host` has reported once, with `seq` 5; `other` is joined as well. */
export type AgentScene = {
  readonly host: SigningHost;
  readonly other: SigningHost;
  readonly vmId: string;
};

export type BadAgentRequest = {
  readonly code: ProblemCode;
  /** Of `invalid_request`: the field that the answer names. */
  readonly names?: string;
  readonly request: (scene: AgentScene) => WireRequest;
};

const MINUTES_OFF = SIGNATURE_FRESH_SECONDS + 30;
const nowSeconds = () => Math.floor(Date.now() / 1000);
const vmIdOf = (n: number) => `22222222-2222-4222-8222-${String(n).padStart(12, "0")}`;
const gzip = { headers: { "content-encoding": "gzip" } };

/** A report that would change what is known of the VM, if it were taken. */
export function aReportOf({ host, vmId }: AgentScene, overrides: object = {}) {
  return {
    ...{ bootId: host.bootId, seq: 9, kind: "periodic", complete: true },
    observedAt: new Date().toISOString(),
    vms: [{ vmId, power: "on" }],
    ...overrides,
  };
}

/** Of a command that nobody sent. */
export function aResultOf({ host, vmId }: AgentScene, overrides: object = {}) {
  const result = { seq: 9, commandId: "never-sent", vmId, epoch: 9, status: "done" };
  return { bootId: host.bootId, results: [{ ...result, ...overrides }] };
}

const report = (
  code: ProblemCode,
  sign: (scene: AgentScene) => WireRequest,
  names?: string,
): BadAgentRequest => ({ code, request: sign, ...(names === undefined ? {} : { names }) });

const badReport = (names: string, overrides: (scene: AgentScene) => object): BadAgentRequest =>
  report(
    "invalid_request",
    (scene) => signedBy(scene.host, "reports", aReportOf(scene, overrides(scene))),
    names,
  );

const without = (header: string) =>
  report("unauthenticated", (scene) => {
    const { headers = {}, ...request } = signedBy(scene.host, "reports", aReportOf(scene));
    const left = Object.entries(headers).filter(([name]) => name !== header);
    return { ...request, headers: Object.fromEntries(left) };
  });

const changed = (header: string, change: (value: string) => string) =>
  report("unauthenticated", (scene) => {
    const { headers = {}, ...request } = signedBy(scene.host, "reports", aReportOf(scene));
    return { ...request, headers: { ...headers, [header]: change(headers[header] ?? "") } };
  });

const created = (offSeconds: number) =>
  report("unauthenticated", (scene) =>
    signedBy(scene.host, "reports", aReportOf(scene), {
      createdSeconds: nowSeconds() + offSeconds,
    }),
  );

/** By title. */
export const BAD_AGENT_REQUESTS: Readonly<Record<string, BadAgentRequest>> = {
  "a report without a signature": report("unauthenticated", (scene) =>
    unsigned(scene.host.hostId, "reports", aReportOf(scene)),
  ),
  "one host's signature at another's path": report("unauthenticated", (scene) =>
    signedBy(scene.host, "reports", aReportOf(scene), { host: scene.other.hostId }),
  ),
  "one host's key under another's name": report("unauthenticated", (scene) =>
    signedBy(scene.other, "reports", aReportOf(scene), {
      host: scene.host.hostId,
      keyId: scene.host.hostId,
    }),
  ),
  "a signature at a host that there is none of": report("unauthenticated", (scene) =>
    signedBy(scene.host, "reports", aReportOf(scene), { host: "nobody", keyId: "nobody" }),
  ),
  "a signature taken from another request of the host": report("unauthenticated", (scene) => ({
    ...signedBy(scene.host, "results", aReportOf(scene)),
    path: `/v1/agents/${scene.host.hostId}/reports`,
  })),
  "a body that was altered": report("unauthenticated", (scene) => ({
    ...signedBy(scene.host, "reports", aReportOf(scene, { vms: [] })),
    body: JSON.stringify(aReportOf(scene)),
  })),
  "no digest": without("content-digest"),
  "no Signature-Input": without("signature-input"),
  "no Signature": without("signature"),
  "no time of signing": changed("signature-input", (value) => value.replace(/;created=\d+/, "")),
  "a digest that is not signed": changed("signature-input", (value) =>
    value.replace(' "content-digest"', ""),
  ),
  "two signatures": changed("signature", (value) => `${value}, ${value.replace("sig1", "sig2")}`),
  "a signature that is none": changed("signature", () => "sig1=:AAAA:"),
  "a signature of the past": created(-MINUTES_OFF),
  "a signature of the future": created(MINUTES_OFF),

  "another boot's report": report("stale_boot", (scene) =>
    signedBy(scene.host, "reports", aReportOf(scene, { bootId: "boot-before" })),
  ),
  "another boot's results": report("stale_boot", (scene) =>
    signedBy(scene.host, "results", { ...aResultOf(scene), bootId: "boot-before" }),
  ),

  "malformed JSON from an agent": report(
    "invalid_request",
    (scene) => signedBy(scene.host, "reports", Buffer.from('{"bootId":')),
    "",
  ),
  "an unknown field in a report": badReport("cpuTemperature", () => ({ cpuTemperature: 40 })),
  "an unknown field of a VM": badReport("vms.0.state", ({ vmId }) => ({
    vms: [{ vmId, power: "on", state: "Running" }],
  })),
  "a power that there is none of": badReport("vms.0.power", ({ vmId }) => ({
    vms: [{ vmId, power: "missing" }],
  })),
  "a VM id that is none in a report": badReport("vms.0.vmId", () => ({
    vms: [{ vmId: "web", power: "on" }],
  })),
  "a VM's name of 65": badReport("vms.0.name", ({ vmId }) => ({
    vms: [{ vmId, power: "on", name: "n".repeat(65) }],
  })),
  "a seq below 0": badReport("seq", () => ({ seq: -1 })),
  "a seq that no number holds": badReport("seq", () => ({ seq: 2 ** 53 })),
  "2,001 VMs": badReport("vms", () => ({
    vms: Array.from({ length: REPORT_VMS_MAX + 1 }, (_, n) => ({ vmId: vmIdOf(n), power: "on" })),
  })),
  "the same VM twice": badReport("vms", ({ vmId }) => ({
    vms: [
      { vmId, power: "on" },
      { vmId, power: "off" },
    ],
  })),
  "no results": report(
    "invalid_request",
    (scene) => signedBy(scene.host, "results", { bootId: scene.host.bootId, results: [] }),
    "results",
  ),
  "a status of a result that there is none of": report(
    "invalid_request",
    (scene) => signedBy(scene.host, "results", aResultOf(scene, { status: "maybe" })),
    "results.0.status",
  ),

  "a report over 256 KiB": report("payload_too_large", (scene) =>
    signedBy(scene.host, "reports", Buffer.alloc(BODY_BYTES_MAX + 1, " ")),
  ),
  "a gzip over 256 KiB": report("payload_too_large", (scene) =>
    signedBy(scene.host, "reports", gzipSync(randomBytes(BODY_BYTES_MAX)), gzip),
  ),
  "a gzip bomb from an agent": report("payload_too_large", (scene) =>
    signedBy(scene.host, "reports", gzipSync(Buffer.alloc(64 * 1024 * 1024, " ")), gzip),
  ),
  "a gzip that is none": report(
    "invalid_request",
    (scene) => signedBy(scene.host, "reports", aReportOf(scene), gzip),
    "",
  ),
  "a gzip cut short": report(
    "invalid_request",
    (scene) =>
      signedBy(
        scene.host,
        "reports",
        gzipSync(JSON.stringify(aReportOf(scene))).subarray(0, -9),
        gzip,
      ),
    "",
  ),
  "another content type from an agent": report("unsupported_media_type", (scene) =>
    signedBy(scene.host, "reports", aReportOf(scene), {
      headers: { "content-type": "text/plain" },
    }),
  ),

  "a join token that was used": report("unauthenticated", ({ host }) =>
    unsigned(host.hostId, "join", {
      joinToken: host.usedJoinToken,
      publicKey: randomBytes(32).toString("base64"),
    }),
  ),
  "a join token that is none": report("unauthenticated", ({ host }) =>
    unsigned(host.hostId, "join", {
      joinToken: "0123456789abcdef",
      publicKey: randomBytes(32).toString("base64"),
    }),
  ),
  "a key of 31 bytes": report(
    "invalid_request",
    ({ host }) =>
      unsigned(host.hostId, "join", {
        joinToken: host.usedJoinToken,
        publicKey: randomBytes(31).toString("base64"),
      }),
    "publicKey",
  ),
};
