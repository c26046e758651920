/** The user API of VMs, their verbs and their apartments. */
import middy from "@middy/core";
import { authenticate } from "../shared/app/authenticate.ts";
import { patchVm, pauseApartment } from "../shared/app/change-vm.ts";
import { createVm } from "../shared/app/create-vm.ts";
import { once } from "../shared/app/once.ts";
import type { Ports } from "../shared/app/ports.ts";
import { getApartment, getVm, listVms } from "../shared/app/read-vms.ts";
import { submitVerb } from "../shared/app/submit-verb.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { bearerGate } from "../shared/http/gate.ts";
import { pageOf, replyWith } from "../shared/http/reply.ts";
import { apiHandler, endpointBehind } from "../shared/http/router.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import { ROUTES } from "../shared/model/routes.ts";
import type { Settings } from "../shared/model/settings.ts";

/** The family `vms` over any ports. */
export function vmsApi(deps: Ports & { readonly settings: Settings }) {
  const on = endpointBehind(bearerGate((token) => authenticate(deps, token)));
  return apiHandler(
    "vms",
    {
      createVm: on(ROUTES.createVm, async ({ body, ...request }) => {
        const made = await createVm(deps, { ...request, request: body });
        if (!made.ok) return made;
        const { vm, job } = made.value;
        return job === undefined
          ? {
              ok: true,
              value: { status: 201, body: vm, headers: { location: `/v1/vms/${vm.id}` } },
            }
          : { ok: true, value: { status: 202, body: { vm, job }, headers: locationOf(job) } };
      }),
      listVms: on(ROUTES.listVms, async ({ caller, query: { limit, cursor, ...filter } }) =>
        replyWith(200, await listVms(deps, { caller, filter, page: pageOf({ limit, cursor }) })),
      ),
      getVm: on(ROUTES.getVm, async ({ caller, params }) =>
        replyWith(200, await getVm(deps, { caller, ...params })),
      ),
      patchVm: on(ROUTES.patchVm, async ({ caller, params, body }) =>
        replyWith(200, await patchVm(deps, { caller, ...params, patch: body })),
      ),
      getApartment: on(ROUTES.getApartment, async ({ caller, params }) =>
        replyWith(200, await getApartment(deps, { caller, ...params })),
      ),
      pauseApartment: on(ROUTES.pauseApartment, async ({ params, body, ...request }) => {
        const { caller } = request;
        const act = () => pauseApartment(deps, { caller, ...params, ...body });
        const again = () => getApartment(deps, { caller, ...params });
        return replyWith(200, await once(deps, request, { act, again }));
      }),
      submitVerb: on(ROUTES.submitVerb, async ({ params, ...request }) => {
        const job = await submitVerb(deps, { ...request, ...params });
        return job.ok
          ? { ok: true, value: { status: 202, body: job.value, headers: locationOf(job.value) } }
          : job;
      }),
    },
    { now: deps.clock.now, ...deps.telemetry },
  );
}

function locationOf(job: { readonly id: string }): { readonly location: string } {
  return { location: `/v1/jobs/${job.id}` };
}

const environment = parseEnvironment(process.env);
export const handler = middy(
  vmsApi({ ...connect(environment), settings: environment.settings }),
).use(lambdaContext);
