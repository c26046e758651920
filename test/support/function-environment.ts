/**
 * The environment that the entry points parse when they are imported; nothing in it can be reached. To be imported before
 * them: tests then take their factories and give them other ports.
 */
Object.assign(process.env, {
  AWS_REGION: "eu-west-1",
  VMSYNC_STAGE: "test",
  VMSYNC_VERSION: "0.0.0",
  VMSYNC_SETTINGS: "{}",
  VMSYNC_APARTMENTS_TABLE: "apartments",
  VMSYNC_DOMAINS_TABLE: "domains",
  VMSYNC_JOBS_TABLE: "jobs",
  VMSYNC_IDEMPOTENCY_TABLE: "idempotency",
  VMSYNC_HOSTS_TABLE: "hosts",
  VMSYNC_INCIDENTS_TABLE: "incidents",
  VMSYNC_EVENTS_TABLE: "events",
  VMSYNC_INTERESTS_TABLE: "interests",
  VMSYNC_TOKENS_TABLE: "tokens",
  VMSYNC_APARTMENT_QUEUE_URL: "https://queue.invalid/apartments.fifo",
  VMSYNC_BUS_NAME: "test",
  VMSYNC_COMMAND_QUEUE_PREFIX: "test-host-",
  VMSYNC_AGENT_ROLE_ARN: "arn:aws:iam::000000000000:role/agent",
});
