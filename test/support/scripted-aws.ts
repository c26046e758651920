/**
 * An HTTP server that answers AWS requests from a script, for what the local engines never do: unprocessed keys, failed
 * entries of a batch, throttling. Clients, signing, retries and parsing are the SDK's own.
 */
import { createServer } from "node:http";

export type ScriptedAnswer = {
  readonly status: number;
  readonly body: unknown;
};

export interface ScriptedAws {
  readonly endpoint: string;
  /** The bodies of the requests so far, parsed. */
  readonly requests: readonly unknown[];
  /** For SDK clients: this endpoint, credentials that nobody checks, one attempt. */
  readonly config: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
    readonly maxAttempts: number;
  };
  readonly close: () => Promise<void>;
}

/** Answers in order; the last answer repeats. */
export async function scriptedAws(answers: readonly ScriptedAnswer[]): Promise<ScriptedAws> {
  const requests: unknown[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push(JSON.parse(Buffer.concat(chunks).toString()));
      const answer = answers[Math.min(requests.length, answers.length) - 1];
      const headers = { "content-type": "application/x-amz-json-1.0" };
      response.writeHead(answer?.status ?? 500, headers).end(JSON.stringify(answer?.body ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const endpoint = `http://127.0.0.1:${address.port}`;
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return {
    endpoint,
    requests,
    config: { endpoint, region: "us-east-1", credentials, maxAttempts: 1 },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
