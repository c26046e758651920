import { createPrivateKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { createSigner, createVerifier, httpbis } from "http-message-signatures";
import { parseDictionary } from "structured-headers";
import { describe, expect, it } from "vitest";
import { publicKeyFrom, rawPublicKey } from "../../../shared/http/ed25519.ts";
import { signRequest, verifyRequest } from "../../../shared/http/message-signature.ts";
import { signatureBase } from "../../../shared/http/signature-base.ts";

const NOW = 1_800_000_000;
const PATH = "/v1/agents/host-a/reports";
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const other = generateKeyPairSync("ed25519");
const body = Buffer.from('{"seq":1}');

const signed = (over: Partial<Parameters<typeof signRequest>[0]> = {}) =>
  signRequest({
    method: "POST",
    url: `https://api.example${PATH}`,
    body,
    keyId: "host-a",
    privateKey,
    createdSeconds: NOW,
    ...over,
  });

const check = (
  headers: Readonly<Record<string, string | undefined>>,
  over: Partial<Parameters<typeof verifyRequest>[0]> = {},
) =>
  verifyRequest({
    method: "POST",
    path: PATH,
    headers,
    body,
    keyId: "host-a",
    publicKey: rawPublicKey(publicKey),
    nowSeconds: NOW,
    ...over,
  });

/** Headers with parameters and components of one's own, rightly signed. */
function crafted(inner: string, values: Readonly<Record<string, string>> = {}) {
  const digest = signed()["content-digest"];
  const input = parseDictionary(`x=${inner}`).get("x");
  if (input === undefined || !Array.isArray(input[0])) throw new Error("not an inner list");
  const base = signatureBase([input[0], input[1]], {
    "@method": "POST",
    "@path": PATH,
    "content-digest": digest,
    ...values,
  });
  return {
    "content-digest": digest,
    "signature-input": `x=${inner}`,
    signature: `x=:${sign(null, base, privateKey).toString("base64")}:`,
  };
}

const COVERED = '("@method" "@path" "content-digest")';
const PARAMETERS = `;created=${NOW};keyid="host-a"`;

describe("the values of RFC 9421, B.2.6", () => {
  const rfcPrivate = createPrivateKey({
    key: Buffer.from("MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF", "base64"),
    format: "der",
    type: "pkcs8",
  });
  const inner =
    '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"';
  const signature =
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==";
  const input = parseDictionary(`sig=${inner}`).get("sig");
  if (input === undefined || !Array.isArray(input[0])) throw new Error("not an inner list");
  const base = signatureBase([input[0], input[1]], {
    date: "Tue, 20 Apr 2021 02:07:55 GMT",
    "@method": "POST",
    "@path": "/foo",
    "@authority": "example.com",
    "content-type": "application/json",
    "content-length": "18",
  });

  it("gives the raw public key of the private one", () => {
    expect(rawPublicKey(rfcPrivate)).toBe("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=");
  });

  it("signs the same base to the same signature", () => {
    expect(sign(null, base, rfcPrivate).toString("base64")).toBe(signature);
  });

  it("verifies with the raw key", () => {
    const key = publicKeyFrom("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=");
    expect(verify(null, base, key, Buffer.from(signature, "base64"))).toBe(true);
  });

  it("writes the digest of RFC 9530 for its example's body", () => {
    expect(signed({ body: Buffer.from('{"hello": "world"}') })["content-digest"]).toBe(
      "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:",
    );
  });
});

describe("what another implementation of RFC 9421 makes of it", () => {
  it("verifies what is signed here", async () => {
    const headers = signed({ createdSeconds: Math.floor(Date.now() / 1000) });
    const verifier = createVerifier(publicKey.export({ type: "spki", format: "pem" }), "ed25519");
    const verified = await httpbis.verifyMessage(
      {
        keyLookup: async () => ({ id: "host-a", algs: ["ed25519"], verify: verifier }),
        maxAge: 300,
      },
      { method: "POST", url: `https://api.example${PATH}`, headers: { ...headers } },
    );
    expect(verified).toBe(true);
  });

  it("signs what is verified here", async () => {
    const key = createSigner(
      privateKey.export({ type: "pkcs8", format: "pem" }),
      "ed25519",
      "host-a",
    );
    const message = await httpbis.signMessage(
      {
        key,
        fields: ["@path", "@method", "content-digest"],
        params: ["keyid", "alg", "created"],
        paramValues: { created: new Date(NOW * 1000) },
      },
      {
        method: "POST",
        url: `https://api.example${PATH}`,
        headers: { "content-digest": signed()["content-digest"] },
      },
    );
    const headers = Object.fromEntries(
      Object.entries(message.headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
    );
    expect(check(headers)).toEqual({ ok: true });
  });
});

describe("a signed request", () => {
  it("is believed", () => {
    expect(check(signed())).toEqual({ ok: true });
  });

  it("is believed whatever the query", () => {
    expect(check(signed({ url: `${PATH}?x=1` }))).toEqual({ ok: true });
  });

  it("is believed with its parameters in any order, with a nonce and a later expiry", () => {
    const inner = `("content-digest" "@path" "@method");nonce="n";keyid="host-a";expires=${NOW + 1};created=${NOW}`;
    expect(check(crafted(inner))).toEqual({ ok: true });
  });

  it("is believed up to five minutes either way, and not a second longer (3)", () => {
    for (const createdSeconds of [NOW - 300, NOW + 300])
      expect(check(signed({ createdSeconds }))).toEqual({ ok: true });
    for (const createdSeconds of [NOW - 301, NOW + 301])
      expect(check(signed({ createdSeconds }))).toEqual({ ok: false, reason: "not_fresh" });
  });

  it("carries the digest of the bytes as sent (4)", () => {
    const packed = gzipSync(body);
    const headers = signed({ body: packed });
    expect(check(headers, { body: packed })).toEqual({ ok: true });
    expect(check(headers, { body })).toEqual({ ok: false, reason: "wrong_digest" });
  });

  it("may carry another digest beside SHA-256", () => {
    const digest = `sha-512=:AAAA:, ${signed()["content-digest"]}`;
    const headers = crafted(`${COVERED}${PARAMETERS}`, { "content-digest": digest });
    expect(check({ ...headers, "content-digest": digest })).toEqual({ ok: true });
  });

  it("is signed by the key of its own host: another host's valid signature is refused", () => {
    const stolen = signed({ keyId: "host-b", privateKey: other.privateKey });
    expect(check(stolen)).toEqual({ ok: false, reason: "wrong_key" });
    const posing = signed({ privateKey: other.privateKey });
    expect(check(posing)).toEqual({ ok: false, reason: "wrong_signature" });
  });

  it("cannot be sent to another path or with another method", () => {
    expect(check(signed(), { path: "/v1/agents/host-b/reports" })).toEqual({
      ok: false,
      reason: "wrong_signature",
    });
    expect(check(signed(), { method: "PUT" })).toEqual({ ok: false, reason: "wrong_signature" });
  });
});

describe("a request that is refused for the form of its signature", () => {
  const valid = signed();
  const input = valid["signature-input"];
  const digest = valid["content-digest"];
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    ["no headers", {}, "not_signed"],
    ["no signature", { "content-digest": digest, "signature-input": input }, "not_signed"],
    ["no digest", { "signature-input": input, signature: valid.signature }, "wrong_digest"],
    ["a digest that is no dictionary", { ...valid, "content-digest": "((" }, "wrong_digest"],
    ["a digest of another kind", { ...valid, "content-digest": "sha-512=:AAAA:" }, "wrong_digest"],
    ["no grammar", { ...valid, "signature-input": "sig1=(" }, "malformed_signature"],
    [
      "not canonical",
      { ...valid, "signature-input": input.replace(";", "; ") },
      "malformed_signature",
    ],
    [
      "too long",
      { ...valid, "signature-input": `${input};n="${"x".repeat(2048)}"` },
      "malformed_signature",
    ],
    [
      "a label twice (1)",
      { ...valid, "signature-input": `${input}, ${input}` },
      "malformed_signature",
    ],
    [
      "a signature twice (1)",
      { ...valid, signature: `${valid.signature}, ${valid.signature}` },
      "malformed_signature",
    ],
    [
      "two labels (1)",
      {
        ...valid,
        "signature-input": `${input}, ${input.replace("sig1", "sig2")}`,
        signature: `${valid.signature}, ${valid.signature.replace("sig1", "sig2")}`,
      },
      "several_signatures",
    ],
    [
      "labels that differ",
      { ...valid, signature: valid.signature.replace("sig1", "sig2") },
      "malformed_signature",
    ],
    ["a signature that is a string", { ...valid, signature: 'sig1="x"' }, "malformed_signature"],
    ["a short signature", { ...valid, signature: "sig1=:AAAA:" }, "malformed_signature"],
    ["an item for an input", { ...valid, "signature-input": "sig1=1" }, "malformed_signature"],
    ["no path (2)", crafted(`("@method" "content-digest")${PARAMETERS}`), "missing_component"],
    ["no digest covered (2)", crafted(`("@method" "@path")${PARAMETERS}`), "missing_component"],
    [
      "a component more (2)",
      crafted(`("@method" "@path" "content-digest" "x")${PARAMETERS}`, { x: "1" }),
      "unknown_component",
    ],
    [
      "a component of another message (2)",
      crafted(`("@method";req "@path" "content-digest")${PARAMETERS}`),
      "unknown_component",
    ],
    [
      "a component twice (2)",
      crafted(`("@method" "@method" "@path" "content-digest")${PARAMETERS}`),
      "malformed_signature",
    ],
    ["no time", crafted(`${COVERED};keyid="host-a"`), "missing_parameter"],
    [
      "a fraction for a time",
      crafted(`${COVERED};created=${NOW}.5;keyid="host-a"`),
      "missing_parameter",
    ],
    [
      "a string for a time",
      crafted(`${COVERED};created="${NOW}";keyid="host-a"`),
      "missing_parameter",
    ],
    ["no key id", crafted(`${COVERED};created=${NOW}`), "missing_parameter"],
    ["a key id that is a token", crafted(`${COVERED};created=${NOW};keyid=host-a`), "wrong_key"],
    ["another algorithm", crafted(`${COVERED}${PARAMETERS};alg="hmac-sha256"`), "wrong_algorithm"],
    [
      "an expiry that has passed",
      crafted(`${COVERED}${PARAMETERS};expires=${NOW - 1}`),
      "not_fresh",
    ],
    [
      "an expiry that is no time",
      crafted(`${COVERED}${PARAMETERS};expires="soon"`),
      "malformed_signature",
    ],
  ];
  it.each(cases)("%s", (_name, headers, reason) => {
    expect(check(headers)).toEqual({ ok: false, reason });
  });
});

describe("tampering", () => {
  it("is noticed wherever a byte of the body changes", () => {
    const headers = signed();
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0, maxLength: 32 }).filter((bytes) => !body.equals(bytes)),
        (bytes) => {
          expect(check(headers, { body: bytes })).toEqual({ ok: false, reason: "wrong_digest" });
        },
      ),
    );
  });

  it("is noticed wherever a character of a header changes", () => {
    const headers = signed();
    fc.assert(
      fc.property(
        fc.constantFrom(
          "content-digest" as const,
          "signature-input" as const,
          "signature" as const,
        ),
        fc.nat(),
        fc.string({ minLength: 1, maxLength: 1, unit: "grapheme-ascii" }),
        (name, at, character) => {
          const old = headers[name];
          const index = at % old.length;
          const changed = old.slice(0, index) + character + old.slice(index + 1);
          fc.pre(changed.trim() !== old);
          expect(check({ ...headers, [name]: changed }).ok).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
  });
});
