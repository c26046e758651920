/** Works off reports that say something new, as the bus hands them over. */
import middy from "@middy/core";
import type { EventBridgeEvent } from "aws-lambda";
import type { Ports } from "../shared/app/ports.ts";
import { reconcileHost } from "../shared/app/reconcile-host.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import type { Settings } from "../shared/model/settings.ts";
import { AgentReportDetail } from "../shared/model/topic.ts";

/** Throwing has the event come again, and at last kept for a person to look at. */
export function hostReconciler(
  deps: Ports & { readonly settings: Settings },
): (event: Pick<EventBridgeEvent<string, unknown>, "detail">) => Promise<void> {
  return ({ detail }) => reconcileHost(deps, AgentReportDetail.parse(detail));
}

const environment = parseEnvironment(process.env);
export const handler = middy(
  hostReconciler({ ...connect(environment), settings: environment.settings }),
).use(lambdaContext);
