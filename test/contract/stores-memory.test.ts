import { describe } from "vitest";
import { allStoreContracts } from "./all-stores.ts";
import { openMemoryStores } from "./store-world.ts";

describe("in memory", () => allStoreContracts(openMemoryStores));
