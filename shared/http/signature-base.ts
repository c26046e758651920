/** The text that a message signature signs (RFC 9421 §2.5). */
import { type InnerList, serializeInnerList, serializeItem } from "structured-headers";

/**
 * One line for each covered component, then the signature's own parameters. `values` has the components' values by name;
 * a component without one cannot be signed and throws.
 */
export function signatureBase(
  input: InnerList,
  values: Readonly<Record<string, string | undefined>>,
): Buffer {
  const lines = input[0].map((item) => {
    const value = values[String(item[0])];
    if (value === undefined) throw new Error(`no value for the component ${String(item[0])}`);
    return `${serializeItem(item)}: ${value}`;
  });
  lines.push(`"@signature-params": ${serializeInnerList(input)}`);
  return Buffer.from(lines.join("\n"), "utf8");
}
