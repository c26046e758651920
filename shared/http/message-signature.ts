/**
 * HTTP Message Signatures (RFC 9421) with Ed25519 over a Content-Digest (RFC 9530), as agents sign and `ingest` checks.
 *
 *  1. A request has one signature, under one label, in canonical form. Two are refused, not chosen from, so that what is
 *     checked and what is believed cannot be two things.
 *  2. It covers `@method`, `@path` and `content-digest`, each as it is and no other, so nothing that it claims stays unlooked at.
 *  3. `created` is fresh: five minutes either way, the one comparison of two machines' clocks in this system.
 *  4. The digest is of the bytes as they were sent: of the gzip, not of what is inside.
 *
 * `http-message-signatures` (1.0.6) was read and not taken: it asks its own clock, believes the last of several signatures,
 * takes `"@method";req` for `"@method"`, and leaves the digest to its caller. The grammar is `structured-headers`'.
 */
import { createHash, type KeyObject, sign, verify } from "node:crypto";
import {
  type InnerList,
  isInnerList,
  parseDictionary,
  serializeDictionary,
} from "structured-headers";
import { SIGNATURE_FRESH_SECONDS } from "../model/agent-protocol.ts";
import { publicKeyFrom } from "./ed25519.ts";
import { signatureBase } from "./signature-base.ts";

/** What is signed, in the order in which this project's agent names it; a verifier takes any order. */
const COMPONENTS = ["@method", "@path", "content-digest"] as const;
/** The label of the agent's signature; a verifier takes any. */
const LABEL = "sig1";
/** Far above any header of ours: bounds the parsing of what a stranger sends. */
const HEADER_CHARS_MAX = 2048;
const SIGNATURE_BYTES = 64;

/** The headers that make a request signed, by lower-case name. */
export type SignatureHeaders = {
  readonly "content-digest": string;
  readonly "signature-input": string;
  readonly signature: string;
};

/** Signs a request. `url` may be whole or a path; only its path is covered. `body` is what goes over the wire. */
export function signRequest(request: {
  readonly method: string;
  readonly url: string;
  readonly body: Uint8Array;
  readonly keyId: string;
  /** An Ed25519 private key. */
  readonly privateKey: KeyObject;
  readonly createdSeconds: number;
}): SignatureHeaders {
  const digest = serializeDictionary({ "sha-256": sha256(request.body) });
  const input: InnerList = [
    COMPONENTS.map((name) => [name, new Map()]),
    new Map<string, string | number>([
      ["created", request.createdSeconds],
      ["keyid", request.keyId],
      ["alg", "ed25519"],
    ]),
  ];
  const base = signatureBase(input, {
    "@method": request.method,
    "@path": new URL(request.url, "http://path.invalid").pathname,
    "content-digest": digest,
  });
  return {
    "content-digest": digest,
    "signature-input": serializeDictionary(new Map([[LABEL, input]])),
    signature: serializeDictionary({ [LABEL]: sign(null, base, request.privateKey) }),
  };
}

/** Why a request is not believed. For logs and tests: the caller is told `unauthenticated` whatever it was. */
export type SignatureRefusal =
  | "not_signed"
  | "malformed_signature"
  | "several_signatures"
  | "missing_component"
  | "unknown_component"
  | "missing_parameter"
  | "wrong_algorithm"
  | "wrong_key"
  | "not_fresh"
  | "wrong_digest"
  | "wrong_signature";
export type Verification =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: SignatureRefusal };

/** Checks a request against the key of the host that it must come from. Throws only on a `publicKey` that is none. */
export function verifyRequest(request: {
  readonly method: string;
  /** The path alone, without a query. */
  readonly path: string;
  /** By lower-case name; several of one name joined by `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The bytes as they came, before any decoding of the content. */
  readonly body: Uint8Array;
  readonly keyId: string;
  /** The raw 32 bytes, base64. */
  readonly publicKey: string;
  readonly nowSeconds: number;
}): Verification {
  const read = readSignature(request.headers);
  if (!read.ok) return read;
  const { input, signature } = read;
  const refusal =
    refusedComponents(input) ?? refusedParameters(input, request.keyId, request.nowSeconds);
  if (refusal !== undefined) return { ok: false, reason: refusal };
  const digest = request.headers["content-digest"]?.trim() ?? "";
  if (!isDigestOf(digest, request.body)) return { ok: false, reason: "wrong_digest" }; // 4
  const base = signatureBase(input, {
    "@method": request.method,
    "@path": request.path,
    "content-digest": digest,
  });
  return verify(null, base, publicKeyFrom(request.publicKey), signature)
    ? { ok: true }
    : { ok: false, reason: "wrong_signature" };
}

type Read =
  | { readonly ok: true; readonly input: InnerList; readonly signature: Uint8Array }
  | { readonly ok: false; readonly reason: SignatureRefusal };

/** The one signature of a request with what it says of itself. */
function readSignature(headers: Readonly<Record<string, string | undefined>>): Read {
  const inputs = headers["signature-input"];
  const signatures = headers["signature"];
  if (inputs === undefined || signatures === undefined) return { ok: false, reason: "not_signed" };
  const parsedInputs = canonicalDictionary(inputs);
  const parsedSignatures = canonicalDictionary(signatures);
  if (parsedInputs === undefined || parsedSignatures === undefined)
    return { ok: false, reason: "malformed_signature" };
  if (parsedInputs.size > 1 || parsedSignatures.size > 1)
    return { ok: false, reason: "several_signatures" }; // 1
  const [label, input] = [...parsedInputs][0] ?? [];
  const [bytes] = parsedSignatures.get(label ?? "") ?? [];
  if (input === undefined || !isInnerList(input) || !(bytes instanceof ArrayBuffer))
    return { ok: false, reason: "malformed_signature" };
  if (bytes.byteLength !== SIGNATURE_BYTES) return { ok: false, reason: "malformed_signature" };
  return { ok: true, input, signature: new Uint8Array(bytes) };
}

/**
 * A header as a dictionary, if it is written as RFC 9651 would write it. A label given twice is not: parsing keeps the
 * last of the two, and writing it again shows that there were more (1).
 */
function canonicalDictionary(header: string): ReturnType<typeof parseDictionary> | undefined {
  if (header.length > HEADER_CHARS_MAX) return undefined;
  try {
    const parsed = parseDictionary(header);
    return serializeDictionary(parsed) === header.trim() ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** 2. */
function refusedComponents([items]: InnerList): SignatureRefusal | undefined {
  const names = items.map(([name, parameters]) => (parameters.size === 0 ? name : undefined));
  if (names.some((name) => !COMPONENTS.some((known) => known === name))) return "unknown_component";
  if (new Set(names).size !== names.length) return "malformed_signature";
  return names.length === COMPONENTS.length ? undefined : "missing_component";
}

function refusedParameters(
  [, parameters]: InnerList,
  keyId: string,
  nowSeconds: number,
): SignatureRefusal | undefined {
  const created = parameters.get("created");
  const expires = parameters.get("expires");
  const algorithm = parameters.get("alg");
  if (typeof created !== "number" || !Number.isInteger(created)) return "missing_parameter";
  if (!parameters.has("keyid")) return "missing_parameter";
  if (algorithm !== undefined && algorithm !== "ed25519") return "wrong_algorithm";
  if (parameters.get("keyid") !== keyId) return "wrong_key";
  if (Math.abs(nowSeconds - created) > SIGNATURE_FRESH_SECONDS) return "not_fresh"; // 3
  if (expires === undefined) return undefined;
  if (typeof expires !== "number") return "malformed_signature";
  return nowSeconds > expires ? "not_fresh" : undefined;
}

/** Other algorithms may stand beside SHA-256; it is the one looked at. */
function isDigestOf(header: string, body: Uint8Array): boolean {
  if (header.length > HEADER_CHARS_MAX) return false;
  try {
    const [claimed] = parseDictionary(header).get("sha-256") ?? [];
    return claimed instanceof ArrayBuffer && sha256(body).equals(Buffer.from(claimed));
  } catch {
    return false;
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
