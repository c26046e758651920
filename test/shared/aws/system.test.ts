import { expect, test } from "vitest";
import { gzipCodec, systemNames } from "../../../shared/aws/system.ts";

test("job ids are UUIDv7, so they sort by the time at which they were made", () => {
  const ids = Array.from({ length: 1_000 }, () => systemNames.jobId());
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(1_000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
});

test("secrets are of 32 bytes, never the same, and safe in URLs and on command lines", () => {
  const secrets = Array.from({ length: 100 }, () => systemNames.secret());
  expect(new Set(secrets).size).toBe(100);
  for (const secret of secrets) expect(secret).toMatch(/^[0-9a-f]{64}$/);
});

test("the hash is SHA-256 in hexadecimal", () => {
  expect(systemNames.hash("abc")).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

test("what was packed unpacks to the same, within the bound and not beyond", () => {
  const text = "größe ✓ 🚀 ".repeat(10_000);
  const packed = gzipCodec.pack(text);
  expect(packed.length).toBeLessThan(text.length / 10);
  expect(gzipCodec.unpack(packed, Buffer.byteLength(text))).toBe(text);
  expect(() => gzipCodec.unpack(packed, Buffer.byteLength(text) - 1)).toThrow();
  expect(() => gzipCodec.unpack("not packed", 1_000)).toThrow();
});
