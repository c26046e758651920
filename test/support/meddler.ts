/** An HTTP proxy that does with each exchange what a test says: passes it on, holds it back, changes the answer. */

import { once } from "node:events";
import { createServer } from "node:http";

export type Asked = {
  readonly method: string;
  readonly path: string;
  /** The operation of an AWS call, e.g. `AmazonSQS.ReceiveMessage`. */
  readonly operation: string;
  readonly body: string;
};
export type Answered = { readonly status: number; readonly body: string };
/** `pass` asks the real one. */
export type Meddling = (asked: Asked, pass: () => Promise<Answered>) => Promise<Answered>;

export type Meddler = {
  readonly url: string;
  /** What is held back stays so; new connections are refused. */
  readonly stop: () => Promise<void>;
};

export async function startMeddler(upstream: string, meddle: Meddling): Promise<Meddler> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { method = "GET", url: path = "/" } = request;
    const headers = Object.entries(request.headers).flatMap(([name, value]) =>
      HOP_BY_HOP.has(name) || value === undefined
        ? []
        : [[name, String(value)] as [string, string]],
    );
    let type = "application/json";
    const pass = async () => {
      const answer = await fetch(new URL(path, upstream), {
        method,
        headers,
        ...(body.byteLength === 0 ? {} : { body }),
      });
      type = answer.headers.get("content-type") ?? type;
      return { status: answer.status, body: await answer.text() };
    };
    const operation = String(request.headers["x-amz-target"] ?? "");
    try {
      const answer = await meddle({ method, path, operation, body: body.toString() }, pass);
      response.writeHead(answer.status, { "content-type": type }).end(answer.body);
    } catch {
      response.destroy(); // Nobody answers: the real one is gone, or the test says so.
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "transfer-encoding",
]);
