/** Hosts that do nothing but report, in a thread of their own. */
import { Worker } from "node:worker_threads";
import type { ReportersReply, ReportersRequest, ReportersStart } from "./reporters-protocol.ts";

export type Reported = Extract<ReportersReply, { readonly ok: true }>;

export interface Reporters {
  /** One request at a time. Rejects if a report was refused. */
  readonly run: (request: ReportersRequest) => Promise<Reported>;
  readonly stop: () => Promise<void>;
}

export function startReporters(start: ReportersStart): Reporters {
  const worker = new Worker(new URL("reporters-worker.ts", import.meta.url), {
    workerData: start,
  });
  return {
    run: async (request) => {
      const replied = new Promise<ReportersReply>((resolve, reject) => {
        worker.once("error", reject);
        worker.once("message", (reply: ReportersReply) => {
          worker.off("error", reject);
          resolve(reply);
        });
      });
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
