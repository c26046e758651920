/** The body of a request to one of this machine's servers, up to a limit. */
import type { IncomingMessage } from "node:http";

/**
 * Undefined where it is longer. The rest of it is then read and forgotten: a connection that is cut while the client still
 * sends would lose the answer. How long that may take is bounded by the server's `requestTimeout`.
 */
export async function requestBody(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes <= bytesMax) chunks.push(part);
    else chunks.length = 0;
  }
  return bytes <= bytesMax ? Buffer.concat(chunks) : undefined;
}
