/** The benchmark's clients, in a thread of their own. */
import { Worker } from "node:worker_threads";
import type { LoadReply, LoadRequest, LoadStart } from "./load-protocol.ts";

export type LoadDone = Extract<LoadReply, { readonly ok: true }>;

export interface Load {
  /** One request at a time. Rejects if a job did not succeed. */
  readonly run: (request: LoadRequest) => Promise<LoadDone>;
  readonly stop: () => Promise<void>;
}

export function startLoad(start: LoadStart): Load {
  const worker = new Worker(new URL("load-worker.ts", import.meta.url), { workerData: start });
  return {
    run: async (request) => {
      const replied = nextReply(worker);
      worker.postMessage(request);
      const reply = await replied;
      if (!reply.ok) throw new Error(reply.reason);
      return reply;
    },
    stop: async () => {
      await worker.terminate();
    },
  };
}

function nextReply(worker: Worker): Promise<LoadReply> {
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (reply: LoadReply) => {
      worker.off("error", reject);
      resolve(reply);
    });
  });
}
