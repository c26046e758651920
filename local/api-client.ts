/** The few calls of the user API that simulated hosts need, over HTTP as anybody makes them. */
import * as z from "zod/mini";
import type { HostId } from "../shared/model/ids.ts";
import {
  type CreateVmRequest,
  HostAndJoinToken,
  JoinTokenAnswer,
  VmPage,
} from "../shared/model/user-api.ts";

export interface ApiClient {
  /** A join token for the host, which is registered if it is not yet. */
  readonly joinToken: (hostId: HostId) => Promise<string>;
  readonly vmNames: () => Promise<ReadonlySet<string>>;
  readonly createVm: (vm: z.infer<typeof CreateVmRequest>) => Promise<void>;
}

type Answer = { readonly status: number; readonly body: unknown };
/** Of a list. */
const PAGE_ITEMS = 200;

export function apiClient(access: {
  readonly url: string;
  readonly adminToken: string;
}): ApiClient {
  const call = async (method: string, path: string, body?: object): Promise<Answer> => {
    const response = await fetch(`${access.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${access.adminToken}`,
        ...(body && { "content-type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  const expect = <Schema extends z.ZodMiniType>(schema: Schema, answer: Answer, doing: string) => {
    if (answer.status < 300) return z.parse(schema, answer.body);
    throw new Error(`${doing} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  };

  return {
    joinToken: async (hostId) => {
      const made = await call("POST", "/v1/hosts", { id: hostId });
      if (made.status !== 409)
        return expect(HostAndJoinToken, made, `registering ${hostId}`).joinToken;
      const again = await call("POST", `/v1/hosts/${hostId}/join-token`);
      return expect(JoinTokenAnswer, again, `a join token for ${hostId}`).joinToken;
    },
    vmNames: async () => {
      const names = new Set<string>();
      let cursor: string | undefined;
      do {
        const query = new URLSearchParams({ limit: String(PAGE_ITEMS), ...(cursor && { cursor }) });
        const page = expect(VmPage, await call("GET", `/v1/vms?${query}`), "listing VMs");
        for (const { name } of page.items) names.add(name);
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      return names;
    },
    createVm: async (vm) => {
      expect(z.unknown(), await call("POST", "/v1/vms", vm), `creating ${vm.name}`);
    },
  };
}
