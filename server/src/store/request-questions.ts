// What can be asked of the live log, as types.
import type { AccountId, ProjectId } from "../rules/ids.ts";
import type { LogFilter } from "../rules/log-filter.ts";
import type { LogPosition, RequestRecord } from "../rules/request-record.ts";
import type { Figures, StatsWindow } from "../rules/tally.ts";

/** Whose records may be seen: a project's, or in it one account's. */
export interface LogScope {
  readonly project: ProjectId;
  readonly account: AccountId | null;
}

export interface RecordPage {
  readonly records: readonly RequestRecord[];
  /** Where to go on; a page may be short, even empty, and still go on. */
  readonly next: LogPosition | null;
}

export interface RecordRun {
  readonly records: readonly { readonly seq: number; readonly record: RequestRecord }[];
  /** Everything up to here was looked at. */
  readonly seq: number;
}

export interface StatsAsk {
  readonly window: StatsWindow;
  readonly now: number;
}

/** Arguments and answers are plain data: they cross to another thread. */
export interface RequestReading {
  page(
    scope: LogScope,
    ask: { readonly filter: LogFilter; readonly limit: number; readonly after: LogPosition | null },
  ): Promise<RecordPage>;
  find(scope: LogScope, id: string): Promise<RequestRecord | undefined>;
  /** The newest `seq`, 0 where there is none. */
  newest(): Promise<number>;
  /** In the order of writing, after `seq`: never one skipped, on any number of writers. */
  after(
    scope: LogScope,
    ask: { readonly filter: LogFilter; readonly limit: number; readonly seq: number },
  ): Promise<RecordRun>;
  stats(scope: LogScope, ask: StatsAsk): Promise<Figures & { readonly complete: boolean }>;
  headroom(scope: LogScope, now: number): Promise<readonly HeadroomFacts[]>;
}

export interface HeadroomFacts {
  readonly accountId: AccountId;
  readonly connection: string | null;
  readonly identifier: string | null;
  readonly resource: string;
  readonly limit: number;
  readonly remaining: number;
  readonly resetAt: number;
  readonly at: number;
}
