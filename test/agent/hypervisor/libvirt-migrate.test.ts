import { expect, test } from "vitest";
import { isTargetUri } from "../../../agent/hypervisor/libvirt-migrate.ts";

test.each([
  "qemu+tls://host-b/system",
  "qemu+tls://host-b.example:16514/system",
  "qemu+tcp://[fd00::1]/system",
  "qemu+ssh://root@10.0.0.2/system",
  "qemu+unix:///system?socket=/run/other/libvirt-sock",
])("%s is a way to a libvirtd", (uri) => {
  expect(isTargetUri(uri)).toBe(true);
});

test.each([
  "qemu+ext:///system?command=/tmp/evil",
  "qemu+ssh://host/system?command=/tmp/evil",
  "qemu+ssh://-oProxyCommand=evil/system",
  "qemu+unix:///system?socket=/a&command=/tmp/evil",
  "qemu+libssh2://host/system?known_hosts=/dev/null",
  "qemu+tls://host/session",
  "qemu:///system",
  "test:///default",
  "simulated:host-b",
  "",
])("libvirtd is not sent to %s", (uri) => {
  expect(isTargetUri(uri)).toBe(false);
});
