import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { bodyBytes, readJson } from "../../../shared/http/read-body.ts";
import { BODY_BYTES_MAX } from "../../../shared/model/routes.ts";

const JSON_TYPE = { "content-type": "application/json" };
const GZIP = { ...JSON_TYPE, "content-encoding": "gzip" };
const read = (
  bytes: string | Uint8Array,
  headers: Readonly<Record<string, string>> = JSON_TYPE,
  unpackedBytesMax = 1000,
) => readJson(Buffer.from(bytes), headers, unpackedBytesMax);
const code = (answer: ReturnType<typeof read>) => (answer.ok ? "ok" : answer.code);

describe("the bytes of a body", () => {
  it("are UTF-8 of its text, or what base64 stands for", () => {
    expect(bodyBytes({ body: "ü", isBase64Encoded: false })).toEqual({
      ok: true,
      value: Buffer.from([0xc3, 0xbc]),
    });
    expect(bodyBytes({ body: "/w==", isBase64Encoded: true })).toEqual({
      ok: true,
      value: Buffer.from([0xff]),
    });
    expect(bodyBytes({ isBase64Encoded: false })).toEqual({ ok: true, value: Buffer.alloc(0) });
  });

  it("are 256 KiB at most, counted as bytes and not as characters", () => {
    const most = "ü".repeat(BODY_BYTES_MAX / 2);
    expect(bodyBytes({ body: most, isBase64Encoded: false }).ok).toBe(true);
    expect(bodyBytes({ body: `${most}x`, isBase64Encoded: false })).toMatchObject({
      code: "payload_too_large",
    });
  });
});

describe("the JSON of a body", () => {
  it("is parsed, and nothing is nothing", () => {
    expect(read('{"a":1}')).toEqual({ ok: true, value: { a: 1 } });
    expect(read("", {})).toEqual({ ok: true, value: undefined });
  });

  it.each(["application/json", "Application/JSON; charset=utf-8", "application/json ;x=y"])(
    "comes as %s",
    (type) => {
      expect(code(read("{}", { "content-type": type }))).toBe("ok");
    },
  );

  it.each(["text/plain", "application/jsonp", "application/x-www-form-urlencoded", ""])(
    "does not come as %j",
    (type) => {
      expect(code(read("{}", { "content-type": type }))).toBe("unsupported_media_type");
      expect(code(read("{}", {}))).toBe("unsupported_media_type");
    },
  );

  it.each(["{", "{'a':1}", '{"a":1}x', "\u0000"])("is not %j", (text) => {
    expect(read(text)).toMatchObject({
      code: "invalid_request",
      extra: { errors: [{ path: "", message: "the body is not JSON in UTF-8" }] },
    });
  });

  it("is UTF-8", () => {
    expect(code(read(Buffer.from([0x22, 0xff, 0x22])))).toBe("invalid_request");
  });

  it("nests 64 deep at most", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(code(read(nested(64)))).toBe("ok");
    expect(code(read(nested(65)))).toBe("invalid_request");
    expect(code(read(nested(100_000)))).toBe("invalid_request");
  });

  it("may be packed as gzip, up to a bound of what is inside", () => {
    expect(read(gzipSync('{"a":1}'), GZIP)).toEqual({ ok: true, value: { a: 1 } });
    expect(code(read(gzipSync(JSON.stringify("x".repeat(998))), GZIP))).toBe("ok");
    expect(code(read(gzipSync(JSON.stringify("x".repeat(999))), GZIP))).toBe("payload_too_large");
  });

  it("that says it is gzip must be", () => {
    expect(code(read("{}", GZIP))).toBe("invalid_request");
    expect(code(read(gzipSync("{}").subarray(0, 12), GZIP))).toBe("invalid_request");
  });

  it("is not packed in any other way", () => {
    expect(code(read("{}", { ...JSON_TYPE, "content-encoding": "br" }))).toBe(
      "unsupported_media_type",
    );
    expect(code(read("{}", { ...JSON_TYPE, "content-encoding": "gzip, gzip" }))).toBe(
      "unsupported_media_type",
    );
  });
});
