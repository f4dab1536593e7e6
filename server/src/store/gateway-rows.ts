// The rows of endpoints and of what is counted. Times are epoch milliseconds.
import type { ConnectionId, EndpointId, ProjectId } from "../rules/ids.ts";

/** Text that holds a JSON value. */
export type JsonText = string;

export interface EndpointRow {
  readonly id: EndpointId;
  readonly project_id: ProjectId;
  readonly slug: string;
  readonly name: string;
  readonly upstream_url: string;
  readonly methods: JsonText;
  readonly connection_id: ConnectionId;
  /** Null: the caller's bound account, else the identifier `shared`. */
  readonly identifier: string | null;
  readonly timeout_seconds: number;
  readonly strip_prefix: number;
  readonly preserve_query: number;
  /** Empty: all that may cross. */
  readonly forward_headers: JsonText;
  readonly blocked_headers: JsonText;
  readonly inject_names: JsonText;
  /** Sealed `{name: value}`: operators put keys there. */
  readonly inject_headers: string | null;
  readonly rate_limit_per_minute: number | null;
  readonly rate_limit_per_hour: number | null;
  readonly active: number;
  readonly created_at: number;
  readonly updated_at: number;
}

/** Calls counted in one slice of a window, over all processes. */
export interface LimitSliceRow {
  readonly key: string;
  readonly slice: number;
  readonly used: number;
  /** When the slice has left every window: then the row may go. */
  readonly ends_at: number;
}

/** A call under way that counts against a limit of calls at once. */
export interface LimitSlotRow {
  readonly key: string;
  readonly id: string;
  readonly until_at: number;
}

/** What of a total is reserved by now; never given twice. */
export interface TotalRow {
  readonly key: string;
  readonly used: number;
  readonly updated_at: number;
}
