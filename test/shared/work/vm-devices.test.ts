import { describe, expect, it } from "vitest";
import { Device, VmSpec } from "../../../shared/model/vm.ts";
import { attached, detached } from "../../../shared/work/vm-devices.ts";
import { aRecord, hostId } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";

const disk = Device.parse({ kind: "disk", source: "/images/data.img", readOnly: true });
const network = Device.parse({ kind: "network", bridge: "br0" });
const spec = VmSpec.parse({
  cpus: 1,
  memoryMiB: 64,
  disks: [{ source: "/images/root.img" }],
  networks: [{ bridge: "br0" }, { bridge: "br0" }],
});

describe("the devices of a VM", () => {
  it("are its spec's: one that is attached is there once, however often it is said", () => {
    const once = attached({ spec }, disk);
    if (once.kind !== "change") throw new Error(once.kind);
    expect(once.change.spec?.disks).toEqual([
      { source: "/images/root.img" },
      { source: "/images/data.img", readOnly: true },
    ]);
    expect(attached({ spec, ...once.change }, disk)).toEqual({ kind: "so_already" });
    expect(VmSpec.parse(once.change.spec)).toEqual(once.change.spec);
  });

  it("one that is detached is not there any more, however many there were", () => {
    const once = detached({ spec }, network);
    if (once.kind !== "change") throw new Error(once.kind);
    expect(once.change.spec).toMatchObject({ networks: [], disks: spec.disks });
    expect(detached({ spec, ...once.change }, network)).toEqual({ kind: "so_already" });
  });

  it("are as many as a spec may have", () => {
    const full = {
      ...spec,
      networks: Array.from({ length: 8 }, (_, n) => ({ bridge: `br${n + 1}` })),
    };
    expect(attached({ spec: full }, network)).toEqual({ kind: "full" });
  });

  it("of an owner's XML, are changes of it: the last word on each device counts", () => {
    const xml = { spec, domainXmlVersion: 1 };
    const on = attached(xml, network);
    if (on.kind !== "change") throw new Error(on.kind);
    expect(on.change).toEqual({ domainChanges: { attached: [network], detached: [] } });
    const off = detached({ ...xml, ...on.change }, network);
    if (off.kind !== "change") throw new Error(off.kind);
    expect(off.change).toEqual({ domainChanges: { attached: [], detached: [network] } });
    expect(detached({ ...xml, ...off.change }, network)).toEqual({ kind: "so_already" });
    expect(attached({ ...xml, ...off.change }, network)).toEqual(on);
  });
});

describe("vm.attach and vm.detach", () => {
  const running = (type: string, device: Device) =>
    new OneJob(aRecord({ vm: { state: "Running", hostId, spec } }), { type, input: { device } });

  it("change the spec of a VM that is on once its host has done it", () => {
    const run = running("vm.attach", disk);
    expect(run.command.call).toEqual({ verb: "attach", args: { device: disk } });
    expect(run.record.vm.spec).toEqual(spec);
    run.answered({ status: "done", power: "on" });
    expect(run.record.vm.spec.disks).toHaveLength(2);
    expect(run.record.vm.state).toBe("Running");
  });

  it("leave the spec as it was when the hypervisor refuses", () => {
    const run = running("vm.detach", network);
    run.answered({ status: "failed", code: "libvirt_99", detail: "busy", power: "on" });
    expect(run.ended?.error?.code).toBe("host_refused");
    expect(run.record.vm.spec).toEqual(spec);
  });

  it("change the spec of a VM that is off at once", () => {
    const record = aRecord({ vm: { state: "Stopped", spec, lastHostId: hostId } });
    const run = new OneJob(record, { type: "vm.detach", input: { device: network } });
    expect(run.ended?.status).toBe("succeeded");
    expect(run.record.vm.spec.networks).toEqual([]);
  });

  it("start what its owner's XML describes with what was changed since", () => {
    const vm = { spec, domainXmlVersion: 1 };
    const run = new OneJob(aRecord({ vm }), { type: "vm.attach", input: { device: disk } });
    run.submitAnother(2, { type: "vm.scale", input: { memoryMiB: 128 } });
    run.submitAnother(3, { type: "vm.start" }).reserved("held");
    expect(run.command).toMatchObject({
      domainXmlVersion: 1,
      call: { args: { changes: { memoryMiB: 128, attached: [disk], detached: [] } } },
    });
  });
});
