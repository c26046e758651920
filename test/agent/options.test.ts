import { expect, test } from "vitest";
import { parseOptions } from "../../agent/options.ts";

const NEEDED = ["--control-plane", "http://127.0.0.1:8787", "--host", "h1", "--data", "/d"];

test("the defaults are libvirt's own socket, emulation and text", () => {
  expect(parseOptions(NEEDED, {})).toEqual({
    kind: "run",
    options: {
      controlPlaneUrl: "http://127.0.0.1:8787/",
      hostId: "h1",
      dataFolder: "/d",
      joinToken: undefined,
      hypervisor: {
        kind: "libvirt",
        socketPath: "/run/libvirt/libvirt-sock",
        domainType: "qemu",
      },
      output: "text",
    },
  });
});

test.each<readonly [readonly string[], object]>([
  [["--simulated", "5"], { hypervisor: { kind: "simulated", guests: 5 } }],
  [
    ["--libvirt-socket", "/s", "--domain-type", "kvm", "--migration-uri", "qemu+tls://b/system"],
    {
      hypervisor: {
        kind: "libvirt",
        socketPath: "/s",
        domainType: "kvm",
        migrationUri: "qemu+tls://b/system",
      },
    },
  ],
  [["--join-token", "t"], { joinToken: { from: "text", token: "t" } }],
  [["--join-token-file", "/f"], { joinToken: { from: "file", path: "/f" } }],
  [["--json"], { output: "json" }],
])("%j", (more, then) => {
  expect(parseOptions([...NEEDED, ...more], {})).toMatchObject({ kind: "run", options: then });
});

test("the token may come from the environment, where a list of processes does not show it", () => {
  expect(parseOptions(NEEDED, { VMSYNC_JOIN_TOKEN: "t" })).toMatchObject({
    options: { joinToken: { from: "text", token: "t" } },
  });
});

test("--help wins over what is missing", () => {
  expect(parseOptions(["--help"], {})).toEqual({ kind: "help" });
});

test.each<readonly [readonly string[], RegExp]>([
  [NEEDED.slice(2), /--control-plane is missing/],
  [NEEDED.slice(0, 2), /--host is missing/],
  [NEEDED.slice(0, 4), /--data is missing/],
  [[...NEEDED, "--control-plane", "ftp://x"], /not an http or https URL/],
  [[...NEEDED, "--control-plane", "x"], /not an http or https URL/],
  [[...NEEDED, "--host", "Not A Slug"], /--host is not a host id/],
  [[...NEEDED, "--simulated", "2001"], /--simulated is not a whole number from 0 to 2000/],
  [[...NEEDED, "--simulated", "x"], /--simulated is not a whole number/],
  [[...NEEDED, "--domain-type", "xen"], /neither qemu nor kvm/],
  [[...NEEDED, "--simulated="], /--simulated is not a whole number/],
  [["--host", "--data", "d"], /^[^\n]*'--host' argument is ambiguous[^\n]*$/],
  [[...NEEDED, "--nonsense"], /nonsense/],
  [[...NEEDED, "stray"], /stray/],
])("%j is refused with a line", (args, line) => {
  const parsed = parseOptions(args, {});
  expect(parsed.kind === "wrong" && parsed.reason).toMatch(line);
});
