/** The function that makes the first admin's token. Only who may invoke it in the account gets one; no route leads to it. */
import { Construct } from "constructs";
import { type Surroundings, VmsyncFunction } from "./vmsync-function.ts";

const TIMEOUT_SECONDS = 10;
const MEMORY_MIB = 256;

export class FirstToken extends Construct {
  readonly make: VmsyncFunction;

  constructor(scope: Construct, id: string, props: { readonly surroundings: Surroundings }) {
    super(scope, id);
    this.make = new VmsyncFunction(this, "Make", {
      surroundings: props.surroundings,
      name: "first-token",
      description: "Answers the first admin's token, once",
      timeoutSeconds: TIMEOUT_SECONDS,
      memoryMiB: MEMORY_MIB,
    });
  }
}
