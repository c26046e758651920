/** Figures of samples, and tables of them for people. */

/** The sample below which `percent` of the samples lie (nearest rank). Throws on none: a figure of nothing is a lie. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = samples.toSorted((one, other) => one - other);
  const found = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (found === undefined) throw new Error("no samples");
  return found;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 50);
}

export function sum(samples: readonly number[]): number {
  return samples.reduce((total, sample) => total + sample, 0);
}

export type Spread = {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
};

/** Of one figure over rounds. */
export function spread(samples: readonly number[]): Spread {
  return {
    median: rounded(median(samples)),
    min: rounded(Math.min(...samples)),
    max: rounded(Math.max(...samples)),
    rounds: samples.length,
  };
}

export type Latency = { readonly p50Ms: number; readonly p99Ms: number; readonly samples: number };

export function latency(samplesMs: readonly number[]): Latency {
  return {
    p50Ms: rounded(percentile(samplesMs, 50)),
    p99Ms: rounded(percentile(samplesMs, 99)),
    samples: samplesMs.length,
  };
}

/** Three significant digits at most, whole numbers from 100 on: more would be noise. */
export function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** Rows as aligned columns; the first row is the heading. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries())
      widths[at] = Math.max(widths[at] ?? 0, String(cell).length);
  const line = (row: readonly (string | number)[]) =>
    row
      .map((cell, at) =>
        at === 0 ? String(cell).padEnd(widths[at] ?? 0) : String(cell).padStart(widths[at] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
}
