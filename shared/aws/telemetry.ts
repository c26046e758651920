/**
 * Structured log lines (JSON) and counters (CloudWatch's embedded metric format), both on standard output.
 *
 * A counter is written at once and by itself: nothing has to be flushed at the end of an invocation, and none is lost
 * when a function is stopped.
 */
import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Telemetry } from "../app/ports.ts";

/** Fields that are never written, at any depth, whoever passes them. */
const SECRET =
  /^(authorization|cookie|password|token|signature)$|secret|credentials?$|jointoken|sessiontoken|accesskey/i;

export interface TelemetryProps {
  readonly stage: string;
  readonly version: string;
}

/** One a process: a function's log lines and what middy adds to them are of the same logger. */
const logger = new Logger({
  serviceName: "vmsync",
  jsonReplacerFn: (key, value: unknown) => (SECRET.test(key) ? "[not logged]" : value),
});

/** The middleware of every entry point: log lines say which function and which invocation they are of. */
export const lambdaContext = injectLambdaContext(logger);

export function powertoolsTelemetry({ stage, version }: TelemetryProps): Telemetry {
  logger.appendPersistentKeys({ stage, version });
  const metrics = new Metrics({
    namespace: "vmsync",
    serviceName: "vmsync",
    defaultDimensions: { stage },
  });
  return {
    count: (metric, value = 1) => metrics.singleMetric().addMetric(metric, MetricUnit.Count, value),
    log: ({ level, message, ...fields }) => logger[level](message, fields),
  };
}
