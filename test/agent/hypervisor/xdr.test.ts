import fc from "fast-check";
import { expect, test } from "vitest";
import { XdrError, xdrReader, xdrWriter } from "../../../agent/hypervisor/xdr.ts";

test("what is written is read again, in multiples of four bytes", () => {
  const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const optional = fc.option(fc.string({ unit: "grapheme" }), { nil: undefined });
  fc.assert(
    fc.property(
      int32,
      fc.string({ unit: "grapheme" }),
      optional,
      fc.uint8Array(),
      (number, text, maybe, fixed) => {
        const bytes = xdrWriter()
          .int(number)
          .string(text)
          .optionalString(maybe)
          .fixed(fixed)
          .bytes();
        expect(bytes.byteLength % 4).toBe(0);
        const reader = xdrReader(bytes);
        expect(reader.int()).toBe(number);
        expect(reader.string()).toBe(text);
        expect(reader.optionalString()).toBe(maybe);
        expect(reader.fixed(fixed.byteLength)).toEqual(Buffer.from(fixed));
      },
    ),
  );
});

test("bytes are as RFC 4506 says", () => {
  const bytes = xdrWriter().int(-2).string("abcde").optionalString(undefined).bytes();
  expect(bytes.toString("hex")).toBe("fffffffe" + "00000005" + "6162636465000000" + "00000000");
});

test("64-bit numbers are exact, or refused", () => {
  const bytes = (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64BE(value);
    return buffer;
  };
  expect(xdrReader(bytes(-5n)).hyper()).toBe(-5);
  expect(xdrReader(bytes(2n ** 53n - 1n)).hyper()).toBe(2 ** 53 - 1);
  expect(() => xdrReader(bytes(2n ** 53n)).hyper()).toThrow(XdrError);
});

test.each<readonly [string, string, (reader: ReturnType<typeof xdrReader>) => unknown]>([
  ["a number cut short", "000000", (reader) => reader.int()],
  ["a string longer than the message", "00000010616263", (reader) => reader.string()],
  ["a string of four gigabytes", "ffffffff", (reader) => reader.string()],
  ["an array longer than its items can be", "7fffffff", (reader) => reader.array(reader.int)],
])("%s is an error, not data", (_, hex, read) => {
  expect(() => read(xdrReader(Buffer.from(hex, "hex")))).toThrow(XdrError);
});
