/** A host whose requests a test signs itself, one by one: rightly, or wrongly in a way it chooses. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { rawPublicKey } from "../../shared/http/ed25519.ts";
import { signRequest } from "../../shared/http/message-signature.ts";
import { SessionAnswer } from "../../shared/model/agent-protocol.ts";
import { type Client, registerHost } from "./running-stack.ts";

/** A request as it goes over the wire. */
export type WireRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
};

export type SigningHost = {
  readonly hostId: string;
  readonly privateKey: KeyObject;
  readonly bootId: string;
  readonly usedJoinToken: string;
};

export type Signing = {
  /** Another host's path. */
  readonly host?: string;
  /** The host that the signature names. */
  readonly keyId?: string;
  readonly createdSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Sends it; what came back is JSON or nothing. */
export async function sendWire(url: string, { path, ...request }: WireRequest) {
  const response = await fetch(`${url}${path}`, request);
  const text = await response.text();
  const body: unknown = text === "" ? undefined : JSON.parse(text);
  return { status: response.status, headers: response.headers, body };
}

/** Registered, joined, in the session of its one boot. */
export async function aSigningHost(
  { url, client }: { readonly url: string; readonly client: Client },
  name: string,
): Promise<SigningHost> {
  const { hostId, joinToken } = await registerHost(client, name);
  const { privateKey } = generateKeyPairSync("ed25519");
  const host = { hostId, privateKey, bootId: `boot-of-${hostId}`, usedJoinToken: joinToken };
  const join = { joinToken, publicKey: rawPublicKey(privateKey) };
  const joined = await sendWire(url, unsigned(hostId, "join", join));
  if (joined.status !== 200) throw new Error(`${name} does not join: ${joined.status}`);
  const session = { bootId: host.bootId, agentVersion: "1" };
  const opened = await sendWire(url, signedBy(host, "session", session));
  SessionAnswer.parse(opened.body);
  return host;
}

/** A request to one of an agent's routes, signed; bytes go as they are, all else as JSON. */
export function signedBy(
  host: Pick<SigningHost, "hostId" | "privateKey">,
  what: "session" | "reports" | "results",
  body: unknown,
  signing: Signing = {},
): WireRequest {
  const request = unsigned(signing.host ?? host.hostId, what, body);
  const signature = signRequest({
    method: request.method,
    url: request.path,
    body: Buffer.from(request.body),
    keyId: signing.keyId ?? host.hostId,
    privateKey: host.privateKey,
    createdSeconds: signing.createdSeconds ?? Math.floor(Date.now() / 1000),
  });
  return { ...request, headers: { ...request.headers, ...signature, ...signing.headers } };
}

/** The same without a signature. */
export function unsigned(hostId: string, what: string, body: unknown) {
  return {
    method: "POST",
    path: `/v1/agents/${hostId}/${what}`,
    headers: { "content-type": "application/json" },
    body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body),
  };
}
