// What Prometheus may read: rates, errors and durations per surface, upstream latency, refreshes, limits, headroom.
export interface Metrics {
  /** One answered call. `surface` is a proxied one or `api`, `person`. */
  call(facts: { readonly surface: string; readonly status: number; readonly seconds: number }): void;
  upstream(facts: { readonly outcome: string; readonly seconds: number }): void;
  refusal(code: string): void;
  /** `refreshed`, `failed`, `rejected`. */
  refresh(outcome: string): void;
  /** In the text format of Prometheus. */
  text(): Promise<string>;
}
