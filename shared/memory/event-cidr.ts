/** The `cidr` test of event patterns, for IPv4 and IPv6. */

type Address = { readonly bits: bigint; readonly length: 32 | 128 };

/** A test for "is an address inside the block"; undefined where the block is malformed. */
export function cidrTest(block: string): ((value: unknown) => boolean) | undefined {
  const [base, mask, ...rest] = block.split("/");
  const address = parseAddress(base ?? "");
  if (address === undefined || mask === undefined || rest.length > 0 || !/^\d{1,3}$/.test(mask))
    return undefined;
  if (Number(mask) > address.length) return undefined;
  const host = BigInt(address.length - Number(mask));
  return (value) => {
    const candidate = typeof value === "string" ? parseAddress(value) : undefined;
    return candidate?.length === address.length && candidate.bits >> host === address.bits >> host;
  };
}

function parseAddress(text: string): Address | undefined {
  return text.includes(":") ? parseV6(text) : parseV4(text);
}

function parseV4(text: string): Address | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255))
    return undefined;
  return { bits: parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n), length: 32 };
}

function parseV6(text: string): Address | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = [], tail] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return {
    bits: groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n),
    length: 128,
  };
}
