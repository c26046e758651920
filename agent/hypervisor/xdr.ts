/**
 * XDR (RFC 4506), as far as libvirt's protocol needs it: big-endian, everything in multiples of four bytes.
 *
 * The reader throws `XdrError` on bytes that are not there, so that a short or foreign message is an error and never data.
 */

/** The message is not what the protocol says. */
export class XdrError extends Error {}

export interface XdrWriter {
  readonly int: (value: number) => XdrWriter;
  readonly string: (value: string) => XdrWriter;
  readonly optionalString: (value: string | undefined) => XdrWriter;
  /** Bytes of a length that both sides know. */
  readonly fixed: (bytes: Uint8Array) => XdrWriter;
  readonly bytes: () => Buffer;
}

export function xdrWriter(): XdrWriter {
  const parts: Uint8Array[] = [];
  const writer: XdrWriter = {
    int: (value) => {
      const part = Buffer.alloc(4);
      part.writeInt32BE(value | 0);
      parts.push(part);
      return writer;
    },
    string: (value) => {
      const text = Buffer.from(value, "utf8");
      writer.int(text.byteLength);
      return writer.fixed(text);
    },
    optionalString: (value) => (value === undefined ? writer.int(0) : writer.int(1).string(value)),
    fixed: (bytes) => {
      parts.push(bytes, Buffer.alloc(padding(bytes.byteLength)));
      return writer;
    },
    bytes: () => Buffer.concat(parts),
  };
  return writer;
}

export interface XdrReader {
  readonly int: () => number;
  readonly unsigned: () => number;
  /** 64 bits; throws beyond what a number holds exactly. */
  readonly hyper: () => number;
  readonly double: () => number;
  readonly string: () => string;
  readonly optionalString: () => string | undefined;
  readonly fixed: (length: number) => Buffer;
  /** Its length, then that many items. */
  readonly array: <T>(item: () => T) => T[];
}

export function xdrReader(message: Buffer): XdrReader {
  let at = 0;
  const take = (length: number): Buffer => {
    const end = at + length;
    if (length < 0 || end > message.byteLength)
      throw new XdrError(`${length} bytes at ${at} of ${message.byteLength}`);
    const part = message.subarray(at, end);
    at = end + padding(length);
    return part;
  };
  const reader: XdrReader = {
    int: () => take(4).readInt32BE(),
    unsigned: () => take(4).readUInt32BE(),
    hyper: () => {
      const value = Number(take(8).readBigInt64BE());
      if (!Number.isSafeInteger(value)) throw new XdrError("a number beyond 53 bits");
      return value;
    },
    double: () => take(8).readDoubleBE(),
    string: () => take(reader.unsigned()).toString("utf8"),
    optionalString: () => (reader.int() === 0 ? undefined : reader.string()),
    fixed: (length) => Buffer.from(take(length)),
    array: (item) => {
      const length = reader.unsigned();
      // Every item has at least four bytes: a length that cannot be true must not cost memory.
      if (length > message.byteLength / 4) throw new XdrError(`an array of ${length}`);
      return Array.from({ length }, item);
    },
  };
  return reader;
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4;
}
