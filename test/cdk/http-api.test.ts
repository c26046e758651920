import { describe, expect, it } from "vitest";
import { FUNCTION_OF_FAMILY } from "../../cdk/function-names.ts";
import { ROUTES } from "../../shared/model/routes.ts";
import { stackTemplate } from "../support/template.ts";

const template = stackTemplate();
const functions = template.findResources("AWS::Lambda::Function");
const integrations = template.findResources("AWS::ApiGatewayV2::Integration");

/** Function name by route key. */
const served = new Map(
  Object.values(template.findResources("AWS::ApiGatewayV2::Route")).map((route) => {
    const { RouteKey, Target } = route["Properties"];
    const integration = integrations[Target["Fn::Join"][1][1].Ref]?.["Properties"];
    const lambda = functions[integration.IntegrationUri["Fn::GetAtt"][0]]?.["Properties"];
    return [RouteKey, lambda.FunctionName];
  }),
);

describe("the HTTP API", () => {
  it("serves every route of the model by its family's function, everything else by api-system, and no more", () => {
    const wanted = new Map(
      Object.values(ROUTES).map((route) => [
        `${route.method} ${route.path}`,
        `vmsync-${FUNCTION_OF_FAMILY[route.family]}`,
      ]),
    );
    wanted.set("$default", "vmsync-api-system");
    expect(served).toEqual(wanted);
  });

  it("hands over payloads of format 2.0 and gives up before the API's own 30 s", () => {
    for (const integration of Object.values(integrations))
      expect(integration["Properties"]).toMatchObject({
        PayloadFormatVersion: "2.0",
        TimeoutInMillis: 29_000,
      });
  });

  it("limits the rate of requests and logs each without its headers", () => {
    const [stage] = Object.values(template.findResources("AWS::ApiGatewayV2::Stage"));
    expect(stage?.["Properties"]).toMatchObject({
      StageName: "$default",
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1000 },
    });
    const { Format } = stage?.["Properties"].AccessLogSettings ?? {};
    expect(Format).toContain("$context.status");
    expect(Format).not.toMatch(/authorizer|header/i);
  });
});
