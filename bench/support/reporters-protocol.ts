/** What the benchmark of reports and the thread of its hosts say to each other. Both are this program: typed, not parsed. */

export type ReportersStart = {
  readonly url: string;
  readonly token: string;
  readonly hosts: number;
  readonly vmsPerHost: number;
};

/** `prepare`: hosts, VMs, and each host's first report; then rounds. */
export type ReportersRequest =
  | { readonly kind: "prepare" }
  /** Each host sends so many reports, one after the other; all hosts at once. */
  | {
      readonly kind: "report";
      readonly reportsEach: number;
      /** Of all VMs, how many say another thing in each report of all hosts. */
      readonly changedPercent: number;
    };

export type ReportersReply =
  | {
      readonly ok: true;
      /** From sending to the answer 202, each. */
      readonly answeredMs: readonly number[];
      readonly spanMs: number;
      readonly cpuMs: number;
    }
  | { readonly ok: false; readonly reason: string };
