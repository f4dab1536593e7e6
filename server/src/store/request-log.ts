// The live log, seen from the data path: a note is taken at once and written in batches elsewhere (design §10.15).
import type { RequestRecord } from "../rules/request-record.ts";

export interface RequestLog {
  /** Never waits and never throws. Under a flood notes are dropped and counted, so that calls are not slowed. */
  note(record: RequestRecord): void;
  /** How many notes were dropped since the start. */
  readonly dropped: number;
  /** Everything noted so far is written. */
  flush(): Promise<void>;
}
