/** Started each minute: looks for what is due, again and again, until the next one starts. */
import middy from "@middy/core";
import type { Ports } from "../shared/app/ports.ts";
import { sweep } from "../shared/app/sweep.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import type { Settings } from "../shared/model/settings.ts";

/** The next run starts within a second or two of its minute: this one has then just had its last look. */
const SWEEP_MS = 56_000;

export function sweeper(deps: Ports & { readonly settings: Settings }): () => Promise<void> {
  return () => sweep(deps, { untilMs: deps.clock.now() + SWEEP_MS });
}

const environment = parseEnvironment(process.env);
export const handler = middy(
  sweeper({ ...connect(environment), settings: environment.settings }),
).use(lambdaContext);
