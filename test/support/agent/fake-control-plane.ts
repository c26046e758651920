/**
 * The other side of the agent protocol, in memory: sessions with ordinals, a command queue, and a record of what was
 * said. Tests set `refuse` to make it answer otherwise.
 */
import type { CommandSource, OpenCommandSource } from "../../../agent/command-source.ts";
import type { ControlPlane, Said } from "../../../agent/control-plane.ts";
import {
  type CommandResult,
  Report,
  Results,
  type SessionAnswer,
} from "../../../shared/model/agent-protocol.ts";
import type { Command } from "../../../shared/model/command.ts";

export type FakeControlPlane = {
  readonly port: ControlPlane;
  readonly openCommandSource: OpenCommandSource;
  readonly reports: Report[];
  readonly results: CommandResult[];
  readonly sessions: string[];
  /** Messages not deleted yet. */
  readonly queue: () => readonly string[];
  readonly send: (...messages: readonly (Command | string)[]) => void;
  /** Answers this instead, where it returns something. */
  refuse: (operation: "session" | "report" | "results") => Said<never> | undefined;
  readonly grant: { leaseSeconds: number; selfFence: boolean; reportIntervalSeconds: number };
  /** Another boot took over: this one is stale from now on. */
  readonly takeOver: () => void;
};

const NOW = "2026-01-01T00:00:00.000Z";

export function fakeControlPlane(): FakeControlPlane {
  const reports: Report[] = [];
  const results: CommandResult[] = [];
  const sessions: string[] = [];
  const queue = new Map<string, { readonly body: string; visible: boolean }>();
  let wake = () => {};
  let receipts = 0;
  let boot = "";

  const source = (): CommandSource => ({
    receive: async (signal) => {
      const visible = () => [...queue].filter(([, message]) => message.visible).slice(0, 10);
      if (visible().length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      const messages = visible();
      for (const [, message] of messages) message.visible = false;
      return {
        status: "received",
        messages: messages.map(([receipt, { body }]) => ({ receipt, body })),
      };
    },
    remove: async (removed) => {
      for (const receipt of removed) queue.delete(receipt);
    },
    close: () => {},
  });

  const plane: FakeControlPlane = {
    reports,
    results,
    sessions,
    queue: () => [...queue.values()].map((message) => message.body),
    grant: { leaseSeconds: 300, selfFence: false, reportIntervalSeconds: 60 },
    refuse: () => undefined,
    takeOver: () => {
      boot = "another";
    },
    send: (...messages) => {
      for (const message of messages) {
        const body = typeof message === "string" ? message : JSON.stringify(message);
        queue.set(String(receipts++), { body, visible: true });
      }
      wake();
    },
    openCommandSource: source,
    port: {
      join: async () => ({ status: "answered", answer: undefined }),
      openSession: async ({ bootId }) => {
        const refused = plane.refuse("session");
        if (refused !== undefined) return refused;
        boot = bootId;
        sessions.push(bootId);
        return { status: "answered", answer: sessionAnswer(sessions.length, plane.grant) };
      },
      report: async (report) => {
        const refused = plane.refuse("report");
        if (refused !== undefined) return refused;
        if (report.bootId !== boot) return { status: "stale_boot" };
        reports.push(Report.parse(report));
        const { reportIntervalSeconds: nextReportInSeconds, leaseSeconds } = plane.grant;
        const leaseUntil = new Date(Date.parse(NOW) + leaseSeconds * 1000).toISOString();
        return { status: "answered", answer: { leaseUntil, nextReportInSeconds, now: NOW } };
      },
      results: async (sent) => {
        const refused = plane.refuse("results");
        if (refused !== undefined) return refused;
        const said = Results.parse(sent);
        if (said.bootId !== boot) return { status: "stale_boot" };
        results.push(...said.results);
        return { status: "answered", answer: undefined };
      },
    },
  };
  return plane;
}

function sessionAnswer(bootOrdinal: number, grant: FakeControlPlane["grant"]): SessionAnswer {
  return {
    bootOrdinal,
    commandQueueUrl: "http://queue.invalid/commands.fifo",
    region: "local",
    credentials: {
      accessKeyId: "key",
      secretAccessKey: "secret",
      expiresAt: "2026-01-01T01:00:00.000Z",
    },
    ...grant,
    now: NOW,
  };
}
