// Counts request records into slots of time, so that plots over a million calls read a few thousand numbers. Pure.
import { type Outcome, outcomeOf, type RequestRecord, type Surface } from "./request-record.ts";

/** Widths of a slot: minutes for the last hour, quarters for the week. */
export const minuteMs = 60_000;
export const quarterMs = 900_000;

export const statsWindows = {
  "15m": { slotMs: minuteMs, bucketMs: minuteMs, buckets: 15 },
  "1h": { slotMs: minuteMs, bucketMs: minuteMs, buckets: 60 },
  "24h": { slotMs: quarterMs, bucketMs: quarterMs, buckets: 96 },
  "7d": { slotMs: quarterMs, bucketMs: 3_600_000, buckets: 168 },
} as const;
export type StatsWindow = keyof typeof statsWindows;

/** What is counted: how calls ended, through which surface, our refusals, and two histograms. */
export type CountKind = "outcome" | "surface" | "refusal" | "total" | "upstream";

/** What counting needs of a record. */
export type Countable = Pick<
  RequestRecord,
  "projectId" | "at" | "surface" | "status" | "refusal" | "totalMs" | "upstreamMs"
>;

export interface Count {
  /** Start of its slot, epoch milliseconds. */
  readonly slot: number;
  readonly kind: CountKind;
  readonly label: string;
  readonly count: number;
}

/** Where a record counts. */
export function labelsOf(record: Countable): readonly (readonly [kind: CountKind, label: string])[] {
  return [
    ["outcome", outcomeOf(record)],
    ["surface", record.surface],
    ["total", String(binOf(record.totalMs))],
    ...(record.refusal === null ? [] : ([["refusal", record.refusal]] as const)),
    ...(record.upstreamMs === null ? [] : ([["upstream", String(binOf(record.upstreamMs))]] as const)),
  ];
}

export function slotOf(at: number, widthMs: number): number {
  return Math.floor(at / widthMs) * widthMs;
}

// Each bin is a tenth wider than the one before: a percentile is off by at most 5 %, and a minute of waiting is bin 116.
const growth = Math.log(1.1);
const binMax = 200;

function binOf(ms: number): number {
  return ms <= 1 ? 0 : Math.min(Math.ceil(Math.log(ms) / growth), binMax);
}

/** The middle of a bin, to a tenth of a millisecond. */
function middleOf(bin: number): number {
  return bin === 0 ? 0.5 : Math.round(Math.exp((bin - 0.5) * growth) * 10) / 10;
}

export interface Percentiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

export interface Bucket {
  readonly at: number;
  readonly requests: number;
  readonly refused: number;
  readonly upstreamFailed: number;
  readonly p50: number | null;
  readonly p99: number | null;
}

export interface Figures {
  readonly requests: number;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  readonly surfaces: Readonly<Partial<Record<Surface, number>>>;
  readonly refusals: readonly { readonly code: string; readonly count: number }[];
  readonly total: Percentiles;
  readonly upstream: Percentiles;
  readonly series: readonly Bucket[];
}

type Histogram = Map<number, number>;

/** Beginning of the first bucket: the last one is the one that runs now. */
export function windowStart(window: StatsWindow, now: number): number {
  const { bucketMs, buckets } = statsWindows[window];
  return slotOf(now, bucketMs) - (buckets - 1) * bucketMs;
}

/** Folds the counts of a window into what a plot shows. */
export function figuresOf(window: StatsWindow, from: number, counts: readonly Count[]): Figures {
  const { bucketMs, buckets } = statsWindows[window];
  const within = counts.filter(({ slot }) => slot >= from && slot < from + buckets * bucketMs);
  const byBucket = Map.groupBy(within, ({ slot }) => slotOf(slot - from, bucketMs) / bucketMs);
  const outcomes = sums(within, "outcome");
  return {
    requests: total(outcomes),
    outcomes: Object.fromEntries(outcomes) as Partial<Record<Outcome, number>>,
    surfaces: Object.fromEntries(sums(within, "surface")) as Partial<Record<Surface, number>>,
    refusals: [...sums(within, "refusal")]
      .map(([code, count]) => ({ code, count }))
      .toSorted((left, right) => right.count - left.count || (left.code < right.code ? -1 : 1)),
    total: percentilesOf(histogram(within, "total")),
    upstream: percentilesOf(histogram(within, "upstream")),
    series: Array.from({ length: buckets }, (_, index) => bucketOf(from + index * bucketMs, byBucket.get(index) ?? [])),
  };
}

function bucketOf(at: number, counts: readonly Count[]): Bucket {
  const outcomes = sums(counts, "outcome");
  const { p50, p99 } = percentilesOf(histogram(counts, "total"));
  return {
    at,
    requests: total(outcomes),
    refused: outcomes.get("refused") ?? 0,
    upstreamFailed: outcomes.get("upstream_failed") ?? 0,
    p50,
    p99,
  };
}

function sums(counts: readonly Count[], wanted: CountKind): Map<string, number> {
  const sum = new Map<string, number>();
  for (const { kind, label, count } of counts) if (kind === wanted) sum.set(label, (sum.get(label) ?? 0) + count);
  return sum;
}

function total(sum: ReadonlyMap<string, number>): number {
  return [...sum.values()].reduce((left, right) => left + right, 0);
}

function histogram(counts: readonly Count[], kind: CountKind): Histogram {
  return new Map([...sums(counts, kind)].map(([label, count]) => [Number(label), count]));
}

function percentilesOf(bins: Histogram): Percentiles {
  const sorted = [...bins].toSorted(([left], [right]) => left - right);
  const all = sorted.reduce((sum, [, count]) => sum + count, 0);
  const at = (share: number): number | null => {
    let left = Math.ceil(all * share);
    for (const [bin, count] of sorted) {
      left -= count;
      if (left <= 0) return middleOf(bin);
    }
    return null;
  };
  return all === 0 ? { p50: null, p90: null, p99: null } : { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}
