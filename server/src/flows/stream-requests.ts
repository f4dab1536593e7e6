// Every call that fits a filter, in the order in which the live log wrote them, as they are written.
import type * as Wire from "@behalf/sdk";
import type { LogFilter } from "../rules/log-filter.ts";
import type { Principal } from "../rules/policy.ts";
import type { Reading } from "../store/reading.ts";
import type { LogScope } from "../store/request-questions.ts";
import type { House } from "./house.ts";
import { type ListenAsk, mayStillListen, pollMs, quietMs } from "./steps/listening.ts";
import { filterAsked, logScopeOf, requestView } from "./steps/log-ask.ts";

type Needs = Pick<House, "store" | "now"> & { readonly reading: Pick<Reading, "requests"> };

export interface StreamAsk extends ListenAsk {
  readonly filter: string;
}

export type HeardRequests =
  | {
      readonly kind: "requests";
      readonly requests: readonly { readonly seq: number; readonly view: Wire.RequestRecord }[];
    }
  /** Nothing fitted; `seq` is where to go on from. */
  | { readonly kind: "quiet"; readonly seq: number };

const pageSize = 200;

/** Refuses at once, and knows where it begins, before anything is streamed. */
export async function streamRequests(
  needs: Needs,
  principal: Principal,
  ask: StreamAsk,
): Promise<AsyncIterable<HeardRequests>> {
  const scope = logScopeOf(principal);
  const filter = filterAsked(ask.filter, needs.now());
  const seq = ask.after === "now" ? await needs.reading.requests.newest() : ask.after;
  return heardFrom(needs, { principal, scope, filter, seq }, ask);
}

interface Listener {
  readonly principal: Principal;
  readonly scope: LogScope;
  readonly filter: LogFilter;
  readonly seq: number;
}

/** One page at a time, when it is asked for: a slow reader costs no memory, and finds the rest in the log. */
async function* heardFrom(
  needs: Needs,
  { principal, scope, filter, seq: from }: Listener,
  ask: StreamAsk,
): AsyncGenerator<HeardRequests, void, undefined> {
  let seq = from;
  let silentMs = 0;
  yield { kind: "quiet", seq };
  while (!ask.signal.aborted) {
    const run = await needs.reading.requests.after(scope, { filter, limit: pageSize, seq });
    const isFurther = run.seq > seq;
    ({ seq } = run);
    if (run.records.length > 0 || silentMs >= quietMs) {
      if (!(await mayStillListen(needs, principal))) return;
      const requests = run.records.map((found) => ({ seq: found.seq, view: requestView(found.record) }));
      yield requests.length > 0 ? { kind: "requests", requests } : { kind: "quiet", seq };
      silentMs = 0;
    }
    if (isFurther) continue;
    if (!ask.wait) return;
    await ask.pause(pollMs);
    silentMs += pollMs;
  }
}
