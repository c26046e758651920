/**
 * The agents' side: the function that takes joins, sessions, reports and results, and the role that session credentials
 * are cut from.
 *
 * Only this function's role may assume the agents' role, and it does so with a session policy that names one queue: what
 * an agent gets is the intersection, receiving from its own command queue and nothing else.
 */
import { Duration } from "aws-cdk-lib";
import { Role } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import type { CommandQueues } from "./command-queues.ts";
import { lambdaRole, type Surroundings, VmsyncFunction } from "./vmsync-function.ts";

/** A role assumed from a role: STS gives an hour at most. */
const SESSION_HOURS = 1;

export interface AgentAccessProps {
  readonly stage: string;
  readonly commandQueues: CommandQueues;
}

/** The roles, apart from the function: every function's environment names the agents' role. */
export class AgentAccess extends Construct {
  readonly ingestRole: Role;
  readonly agentRole: Role;

  constructor(scope: Construct, id: string, props: AgentAccessProps) {
    super(scope, id);
    this.ingestRole = lambdaRole(this, "IngestRole");
    this.agentRole = new Role(this, "AgentRole", {
      description: "What the session credentials of host agents are cut from",
      assumedBy: this.ingestRole,
      maxSessionDuration: Duration.hours(SESSION_HOURS),
    });
    this.agentRole.grantAssumeRole(this.ingestRole);
    props.commandQueues.grantReceive(this.agentRole);
    // Made at the join, removed at the next one; nothing else makes or removes queues at run time.
    props.commandQueues.grantManage(this.ingestRole);
  }
}

export interface AgentsProps {
  readonly surroundings: Surroundings;
  readonly access: AgentAccess;
}

export class Agents extends Construct {
  readonly ingest: VmsyncFunction;

  constructor(scope: Construct, id: string, props: AgentsProps) {
    super(scope, id);
    this.ingest = new VmsyncFunction(this, "Ingest", {
      surroundings: props.surroundings,
      name: "ingest",
      description: "Takes joins, sessions, reports and results of host agents.",
      // An HTTP API gives up after 30 s.
      timeoutSeconds: 29,
      // A signature and one write for most reports; 512 MiB keeps a 256 KiB report of 2,000 VMs well below a second.
      memoryMiB: 512,
      role: props.access.ingestRole,
    });
  }
}
