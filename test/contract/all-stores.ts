import { apartmentStoreContract } from "./apartment-store.contract.ts";
import { eventStoreContract } from "./event-store.contract.ts";
import { hostStoreContract } from "./host-store.contract.ts";
import { incidentStoreContract } from "./incident-store.contract.ts";
import { interestsContract } from "./interests.contract.ts";
import { jobStoreContract } from "./job-store.contract.ts";
import { placementContract } from "./placement.contract.ts";
import type { OpenStores } from "./store-world.ts";
import { submissionsContract } from "./submissions.contract.ts";
import { tokenStoreContract } from "./token-store.contract.ts";

/** The contract of every store, on whatever `open` opens. */
export function allStoreContracts(open: OpenStores): void {
  apartmentStoreContract(open);
  submissionsContract(open);
  jobStoreContract(open);
  hostStoreContract(open);
  placementContract(open);
  incidentStoreContract(open);
  eventStoreContract(open);
  interestsContract(open);
  tokenStoreContract(open);
}
