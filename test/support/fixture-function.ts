/** Functions with code of the test's own, as the local runtime takes them from the template. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type FunctionPool,
  type FunctionPoolProps,
  functionPool,
} from "../../local/lambda/function-pool.ts";
import { turnstile } from "../../local/lambda/turnstile.ts";
import type { CallReport } from "../../local/lambda/worker-protocol.ts";
import type { FunctionModel } from "../../local/template/stack-model.ts";

export interface Fixture {
  readonly pool: FunctionPool;
  readonly model: FunctionModel;
  /** What was written to standard output and error so far. */
  readonly output: () => string;
  readonly calls: CallReport[];
  readonly stop: () => Promise<void>;
}

/** A pool over `source`, the text of an ES module. */
export function fixtureFunction(
  source: string,
  overrides: Partial<FunctionModel> & {
    readonly concurrencyMax?: number;
    readonly spareCore?: FunctionPoolProps["spareCore"];
  } = {},
): Fixture {
  const codeFolder = mkdtempSync(join(tmpdir(), "vmsync-function-"));
  writeFileSync(join(codeFolder, "index.mjs"), source);
  const model = aFunction({ codeFolder, ...overrides });
  const chunks: string[] = [];
  const calls: CallReport[] = [];
  const pool = functionPool({
    model,
    environment: model.environment,
    concurrencyMax: overrides.concurrencyMax ?? 4,
    starts: turnstile(2),
    spareCore: overrides.spareCore ?? (async () => {}),
    onOutput: (output) => {
      output.on("data", (chunk: Buffer) => chunks.push(String(chunk)));
    },
    onCalls: (report) => calls.push(report),
    onInvocation: () => {},
  });
  return {
    pool,
    model,
    calls,
    output: () => chunks.join(""),
    stop: async () => {
      await pool.stop(0);
      rmSync(codeFolder, { recursive: true, force: true });
    },
  };
}

export function aFunction(overrides: Partial<FunctionModel> = {}): FunctionModel {
  return {
    name: "fixture",
    arn: "arn:aws:lambda:us-east-1:111111111111:function:fixture",
    codeFolder: "",
    handler: "index.handler",
    timeoutMs: 10_000,
    memoryMiB: 128,
    environment: {},
    reservedConcurrency: undefined,
    permissions: [],
    asynchronous: { retriesMax: 2, eventAgeMsMax: 3_600_000, onFailureQueue: undefined },
    ...overrides,
  };
}
