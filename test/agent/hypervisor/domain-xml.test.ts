import { expect, test } from "vitest";
import { withUuid } from "../../../agent/hypervisor/domain-uuid.ts";
import { renderDomainXml } from "../../../agent/hypervisor/domain-xml.ts";
import { vmId } from "../../support/agent/commands.ts";

const VM = {
  vmId: vmId(1),
  name: "web 1",
  spec: { cpus: 2, memoryMiB: 512 },
  domainType: "qemu",
} as const;

test("the domain is named by the VM's id and titled by its name", () => {
  const xml = renderDomainXml(VM);
  expect(xml).toContain("<domain type='qemu'>");
  expect(xml).toContain(`<name>${VM.vmId}</name>`);
  expect(xml).toContain(`<uuid>${VM.vmId}</uuid>`);
  expect(xml).toContain("<title>web 1</title>");
  expect(xml).toContain("<memory unit='MiB'>512</memory>");
  expect(xml).toContain("<vcpu>2</vcpu>");
});

test("KVM is used where it is asked for", () => {
  expect(renderDomainXml({ ...VM, domainType: "kvm" })).toContain("<domain type='kvm'>");
});

test("disks are virtio, by their path's kind, and shared only when they are read-only", () => {
  const disks = [
    { source: "/images/a.img", readOnly: true },
    { source: "/images/b.qcow2" },
    { source: "/dev/vg/c" },
  ];
  const lines = renderDomainXml({ ...VM, spec: { ...VM.spec, disks } }).split("\n");
  const of = (target: string) => lines.find((line) => line.includes(`dev='${target}'`));
  expect(of("vda")).toContain("<source file='/images/a.img'/>");
  expect(of("vda")).toContain("type='raw'");
  expect(of("vda")).toContain("<readonly/><shareable/>");
  expect(of("vdb")).toContain("type='qcow2'");
  expect(of("vdb")).not.toContain("shareable");
  expect(of("vdc")).toContain("<disk type='block'");
  expect(of("vdc")).toContain("<source dev='/dev/vg/c'/>");
});

test("a NIC keeps its address from start to start, and no two have the same", () => {
  const networks = [{ bridge: "br0" }, { bridge: "br0" }];
  const addresses = (id: number) =>
    [
      ...renderDomainXml({ ...VM, vmId: vmId(id), spec: { ...VM.spec, networks } }).matchAll(
        /mac address='(02(?::[0-9a-f]{2}){5})'/g,
      ),
    ].map(([, address]) => address);
  expect(addresses(1)).toEqual(addresses(1));
  expect(new Set([...addresses(1), ...addresses(2)]).size).toBe(4);
});

test("what comes from outside is escaped", () => {
  const disks = [{ source: `/a'/><evil b="<&>` }];
  const xml = renderDomainXml({ ...VM, name: "<&'\">", spec: { ...VM.spec, disks } });
  expect(xml).toContain("<title>&lt;&amp;&apos;&quot;&gt;</title>");
  expect(xml).toContain("'/a&apos;/&gt;&lt;evil b=&quot;&lt;&amp;&gt;'");
});

test("a rendered domain is one whose uuid is right", () => {
  const xml = renderDomainXml(VM);
  expect(withUuid(xml, VM.vmId)).toEqual({ ok: true, xml });
});
