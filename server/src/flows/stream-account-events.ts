// Every change of an account's status, in the order of the project's audit chain, as it happens (design §10.20).
import type * as Wire from "@behalf/sdk";
import { projectOf } from "../rules/caller.ts";
import type { AccountId, ProjectId } from "../rules/ids.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { AuditEventRow, ConnectionRow } from "../store/schema.ts";
import type { House } from "./house.ts";
import { type ListenAsk, mayStillListen, pollMs, quietMs } from "./steps/listening.ts";
import { iso } from "./steps/views.ts";

type Needs = Pick<House, "store" | "now">;

export type Heard =
  | { readonly kind: "event"; readonly event: Wire.AccountEvent }
  /** Nothing happened; `seq` is where to go on from. */
  | { readonly kind: "quiet"; readonly seq: number };

const pageSize = 200;

/** Refuses at once, and knows where it begins, before anything is streamed. */
export async function streamAccountEvents(
  needs: Needs,
  principal: Principal,
  ask: ListenAsk,
): Promise<AsyncIterable<Heard>> {
  const chain = projectOf(principal);
  return heardFrom(needs, { principal, chain, seq: await startOf(needs, chain, ask.after) }, ask);
}

interface Listener {
  readonly principal: Principal;
  readonly chain: ProjectId;
  readonly seq: number;
}

async function* heardFrom(needs: Needs, listener: Listener, ask: ListenAsk): AsyncGenerator<Heard, void, undefined> {
  let { seq } = listener;
  yield { kind: "quiet", seq };
  let said = needs.now();
  while (!ask.signal.aborted) {
    const page = await pageAfter(needs, listener, seq);
    ({ seq } = page);
    if (page.events.length > 0 || said + quietMs <= needs.now()) {
      if (!(await mayStillListen(needs, listener.principal))) return;
      yield* page.events.length > 0 ? page.events : [{ kind: "quiet", seq } as const];
      said = needs.now();
    }
    if (page.isFull) continue;
    if (!ask.wait) return;
    await ask.pause(pollMs);
  }
}

async function startOf({ store }: Needs, chain: ProjectId, after: ListenAsk["after"]): Promise<number> {
  const end = (await store.audit.head(chain))?.seq ?? 0;
  // An id of ours lies beyond the end only when an older database was put back: what it would wait for has other numbers now.
  if (after !== "now" && after > end)
    throw new Refusal("invalid_request", {
      detail:
        "No event has that id yet: the database was put back to an earlier state, or the id is another project's.",
      next: { action: "fix_request", detail: "Read the accounts as they are, then begin with `after=now`." },
    });
  if (after === "now") await store.flushed();
  return after === "now" ? end : after;
}

interface EventsPage {
  readonly events: readonly Heard[];
  /** How far it read, events of other kinds included. */
  readonly seq: number;
  readonly isFull: boolean;
}

/** The chain's head is locked until its transaction commits: what is read in order of `seq` has no gap that fills later. */
async function pageAfter(needs: Needs, { principal, chain }: Listener, seq: number): Promise<EventsPage> {
  const rows = await needs.store.audit.after(chain, seq, pageSize);
  // A crash of the database could take back what was read, and give its numbers, told by now, to other events.
  if (rows.length > 0) await needs.store.flushed();
  const changes = rows.flatMap((row) => changeIn(row, principal.accountId));
  const events = (await named(needs, chain, changes)).map((event) => ({ kind: "event", event }) as const);
  return { events, seq: rows.at(-1)?.seq ?? seq, isFull: rows.length === pageSize };
}

interface Change {
  readonly row: AuditEventRow;
  readonly status: Wire.AccountEvent["status"];
  readonly reason: string | null;
}

function changeIn(row: AuditEventRow, only: AccountId | null): Change[] {
  if (!row.name.startsWith("account.") || (only !== null && row.subject !== only)) return [];
  const { status, status_reason: reason = null } = JSON.parse(row.details) as {
    readonly status?: Change["status"];
    readonly status_reason?: string | null;
  };
  return status === undefined ? [] : [{ row, status, reason }];
}

async function named(
  { store }: Needs,
  project: ProjectId,
  changes: readonly Change[],
): Promise<readonly Wire.AccountEvent[]> {
  const connections = new Map<string, ConnectionRow | undefined>();
  const events: Wire.AccountEvent[] = [];
  for (const { row, status, reason } of changes) {
    const account = await store.accounts.find(project, row.subject as AccountId);
    const id = account?.connection_id;
    if (id !== undefined && !connections.has(id)) connections.set(id, await store.connections.find(id));
    events.push({
      seq: row.seq,
      at: iso(row.at),
      account_id: row.subject,
      connection: (id === undefined ? undefined : connections.get(id)?.name) ?? null,
      identifier: account?.identifier ?? null,
      status,
      status_reason: reason,
    });
  }
  return events;
}
