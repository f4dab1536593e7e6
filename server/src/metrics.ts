// What Prometheus may read: rates, errors and durations per surface, upstream latency, refreshes, limits, headroom.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export interface Metrics {
  /** One answered call. `surface` is a proxied one, `tool`, `api` or `page`. */
  call(facts: { readonly surface: string; readonly status: number; readonly seconds: number }): void;
  /** One exchange with an upstream: `2xx` to `5xx`, or `failed`. */
  upstream(facts: { readonly outcome: string; readonly seconds: number }): void;
  refusal(code: string): void;
  /** What a provider said to a refresh: `granted`, `rejected`, `misconfigured`, or `failed` without an answer. */
  refresh(outcome: string): void;
  /** In the text format of Prometheus. */
  text(): Promise<string>;
}

/** Values that are read when somebody asks. */
export interface Gauges {
  /** Least calls left of GitHub's limits, by resource. */
  readonly headroom: () => ReadonlyMap<string, number>;
  /** Notes of the live log that were dropped under a flood. */
  readonly dropped: () => number;
  /** Connections to the database: in use, idle, awaited. */
  readonly pool: () => ReadonlyMap<string, number>;
}

/** A proxied call waits mostly for its upstream: from a millisecond to the longest time limit. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function makeMetrics(version: string, gauges: Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const calls = new Histogram({
    name: "behalf_request_duration_seconds",
    help: "Answered calls by surface and class of status.",
    labelNames: ["surface", "status"],
    buckets,
    registers,
  });
  const upstreams = new Histogram({
    name: "behalf_upstream_duration_seconds",
    help: "Exchanges with upstreams, from the sent request to the head of the answer.",
    labelNames: ["outcome"],
    buckets,
    registers,
  });
  const refusals = new Counter({
    name: "behalf_refusals_total",
    help: "Our own refusals by code.",
    labelNames: ["code"],
    registers,
  });
  const refreshes = new Counter({
    name: "behalf_refreshes_total",
    help: "Refreshes of accounts by result.",
    labelNames: ["result"],
    registers,
  });
  registerGauges(registry, version, gauges);
  return {
    call: ({ surface, status, seconds }) =>
      calls.observe({ surface, status: `${Math.floor(status / 100)}xx` }, seconds),
    upstream: ({ outcome, seconds }) => upstreams.observe({ outcome }, seconds),
    refusal: (code) => refusals.inc({ code }),
    refresh: (result) => refreshes.inc({ result }),
    text: async () => registry.metrics(),
  };
}

function registerGauges(registry: Registry, version: string, gauges: Gauges): void {
  const registers = [registry];
  new Gauge({ name: "behalf_info", help: "The version that runs.", labelNames: ["version"], registers }).set(
    { version },
    1,
  );
  const read = (
    name: string,
    spec: { readonly help: string; readonly label: string },
    values: () => ReadonlyMap<string, number>,
  ): void => {
    const gauge: Gauge = new Gauge({
      name,
      help: spec.help,
      labelNames: [spec.label],
      registers,
      collect: () => {
        gauge.reset();
        for (const [label, value] of values()) gauge.set({ [spec.label]: label }, value);
      },
    });
  };
  const least = "Least calls left of GitHub's limits over the accounts this process knows.";
  read("behalf_headroom_least", { help: least, label: "resource" }, gauges.headroom);
  read("behalf_database_connections", { help: "Connections to the database.", label: "state" }, gauges.pool);
  const dropped: Gauge = new Gauge({
    name: "behalf_request_log_dropped_total",
    help: "Notes of the live log that were dropped.",
    registers,
    collect: () => dropped.set(gauges.dropped()),
  });
}
