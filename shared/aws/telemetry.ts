/**
 * Structured log lines (JSON) and counters (CloudWatch's embedded metric format), both on standard output.
 *
 * A counter is written at once and by itself: nothing has to be flushed at the end of an invocation, and none is lost
 * when a function is stopped.
 */
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Telemetry } from "../app/ports.ts";

/** Fields that are never written, at any depth, whoever passes them. */
const SECRET =
  /^(authorization|cookie|password|token|signature)$|secret|credentials?$|jointoken|sessiontoken|accesskey/i;

export interface TelemetryProps {
  readonly stage: string;
  readonly version: string;
}

export function powertoolsTelemetry({ stage, version }: TelemetryProps): Telemetry {
  const logger = new Logger({
    serviceName: "vmsync",
    persistentKeys: { stage, version },
    jsonReplacerFn: (key, value: unknown) => (SECRET.test(key) ? "[not logged]" : value),
  });
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
