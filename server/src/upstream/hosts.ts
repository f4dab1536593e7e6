// Where a provider lives. A type of its own, since presets and providers both speak of it.

/** Origins with an optional base path, no trailing slash. GitHub Enterprise Server and ghe.com differ here only. */
export interface Hosts {
  readonly web: string;
  readonly api: string;
}
