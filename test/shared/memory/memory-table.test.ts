import { expect, test } from "vitest";
import { memoryTable } from "../../../shared/memory/memory-table.ts";
import { ApartmentRecord } from "../../../shared/model/apartment-record.ts";
import { aRecord, vmId } from "../../support/a-record.ts";

test("what is stored is changed neither by its writer nor by its readers", () => {
  const table = memoryTable(ApartmentRecord);
  const record = aRecord();
  table.put(vmId, record);
  Object.assign(record.vm, { name: "changed by the writer" });
  const read = table.get(vmId);
  expect(() => Object.assign(read?.vm ?? {}, { name: "changed by the reader" })).toThrow(TypeError);
  expect(table.get(vmId)?.vm.name).toBe("web");
  expect(table.all().map(({ vm }) => vm.name)).toEqual(["web"]);
});

test("what could not be read again is refused when it is written, and the old stays", () => {
  const table = memoryTable(ApartmentRecord);
  table.put(vmId, aRecord());
  const unreadable = { ...aRecord(), epoch: Number.NaN };
  expect(() => table.put(vmId, unreadable)).toThrow();
  expect(table.get(vmId)).toEqual(aRecord());
});

test("removing says whether there was something", () => {
  const table = memoryTable(ApartmentRecord);
  table.put(vmId, aRecord());
  expect(table.remove(vmId)).toBe(true);
  expect(table.remove(vmId)).toBe(false);
  expect(table.get(vmId)).toBeUndefined();
});
