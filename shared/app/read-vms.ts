/** Reading VMs and their apartments. */
import type { Apartment, ApartmentRecord } from "../model/apartment-record.ts";
import type { VmId } from "../model/ids.ts";
import type { Answer } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import type { Vm } from "../model/vm.ts";
import { answerPage, type PageOf } from "./answer-page.ts";
import { findVm } from "./find-vm.ts";
import type { PageRequest, Ports, VmFilter } from "./ports.ts";
import { apartmentView, vmView } from "./vm-view.ts";

type ReadDeps = Pick<Ports, "apartments">;
type OneVm = { readonly caller: Caller; readonly vmId: VmId };

export async function getVm(deps: ReadDeps, query: OneVm): Promise<Answer<Vm>> {
  const found = await findVm(deps, query);
  return found.ok ? { ok: true, value: await wholeVm(deps, found.value) } : found;
}

/** A VM with its domain XML, which is an item of its own. */
export async function wholeVm(deps: ReadDeps, record: ApartmentRecord): Promise<Vm> {
  const { domainXmlVersion: version } = record.vm;
  const domainXml =
    version === undefined ? undefined : await deps.apartments.readDomainXml(record.id, version);
  return vmView(record, domainXml);
}

export async function getApartment(deps: ReadDeps, query: OneVm): Promise<Answer<Apartment>> {
  const found = await findVm(deps, query);
  return found.ok ? { ok: true, value: apartmentView(found.value) } : found;
}

/** A page of VMs, newest first; without their domain XML, which is read one by one. */
export async function listVms(
  deps: ReadDeps,
  query: {
    readonly caller: Caller;
    readonly filter: Omit<VmFilter, "account">;
    readonly page: PageRequest;
  },
): Promise<Answer<PageOf<Vm>>> {
  const account = query.caller.role === "admin" ? undefined : query.caller.account;
  const page = await deps.apartments.list({ ...query.filter, account }, query.page);
  return answerPage(page, (record) => vmView(record));
}
