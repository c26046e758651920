/** The MD5s that SQS answers and its clients check. */
import { createHash } from "node:crypto";
import type { MessageAttribute } from "../../shared/memory/queue-protocol.ts";

export function bodyMd5(body: string): string {
  return createHash("md5").update(body).digest("hex");
}

/** Over names in order, each with its type and value, all prefixed by their length; undefined where there are none. */
export function attributesMd5(
  attributes: Readonly<Record<string, MessageAttribute>>,
): string | undefined {
  const names = Object.keys(attributes).sort();
  if (names.length === 0) return undefined;
  const hash = createHash("md5");
  const add = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  };
  for (const name of names) {
    const { dataType = "", stringValue, binaryValue } = attributes[name] ?? {};
    add(Buffer.from(name));
    add(Buffer.from(dataType));
    const binary = dataType.startsWith("Binary");
    hash.update(Buffer.from([binary ? 2 : 1])); // how the value travels
    add(binary ? Buffer.from(binaryValue ?? "", "base64") : Buffer.from(stringValue ?? ""));
  }
  return hash.digest("hex");
}
