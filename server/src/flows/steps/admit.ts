// Counts a call against every limit that holds for it, or refuses: the endpoint's, and the budgets of the token and of those it came from.
import type { Limit, Slot, Standing } from "../../ephemeral/ephemeral.ts";
import type { CountedBudget } from "../../rules/budget.ts";
import type { Principal } from "../../rules/policy.ts";
import { Refusal } from "../../rules/refusal.ts";
import type { EndpointRow } from "../../store/gateway-rows.ts";
import type { ByteMeter } from "../../upstream/forward-types.ts";
import type { House } from "../house.ts";

type Needs = Pick<House, "ephemeral" | "vault">;

const minuteMs = 60_000;
const hourMs = 3_600_000;

/** A call that was let in; to be ended whatever comes of it. */
interface Admitted {
  /** Counts the bytes that crossed and frees its place among the calls at once. */
  end(bytes: number): void;
}

/** Does the work of a call that its limits let in, and counts what it used. */
export async function admitted<T>(
  needs: Needs,
  principal: Principal,
  call: { readonly endpoint: EndpointRow | null; readonly note: ByteMeter; readonly work: () => Promise<T> },
): Promise<T> {
  const pass = await admit(needs, principal, call.endpoint);
  try {
    return await call.work();
  } finally {
    pass.end(call.note.bytesIn + call.note.bytesOut);
  }
}

async function admit(needs: Needs, principal: Principal, endpoint: EndpointRow | null): Promise<Admitted> {
  const { budgets } = principal;
  // The cheap and common case: nothing is limited.
  if (budgets.length === 0 && !isLimited(endpoint)) return { end: () => undefined };
  await demandBytesLeft(needs, budgets);
  const slots = await takeSlots(needs, budgets);
  const free = (): void => {
    for (const slot of slots) slot.release();
  };
  const undo: (() => void)[] = [free];
  try {
    // Totals before rates, the caller's own before its parents': who has nothing left must not use up what others share.
    await takeTotals(needs, budgets.toReversed(), undo);
    await admitRates(needs, [...endpointLimits(needs, endpoint), ...budgets.flatMap((one) => tokenLimits(needs, one))]);
  } catch (error) {
    for (const step of undo) step();
    throw error;
  }
  return {
    end(bytes) {
      free();
      for (const budget of budgets) {
        if (budget.bytes !== undefined && bytes > 0)
          needs.ephemeral.totals.add(keyOf(needs, budget.token, "bytes"), bytes);
      }
    },
  };
}

function isLimited(endpoint: EndpointRow | null): boolean {
  return endpoint !== null && (endpoint.rate_limit_per_minute !== null || endpoint.rate_limit_per_hour !== null);
}

function keyOf({ vault }: Pick<House, "vault">, owner: string, what: string): string {
  return vault.digest("limit", owner, what);
}

function limitsOf(needs: Needs, owner: { readonly id: string; readonly name: string }, most: Rates): Limit[] {
  const rows = [
    { what: "minute", most: most.perMinute, windowMs: minuteMs },
    { what: "hour", most: most.perHour, windowMs: hourMs },
  ] as const;
  return rows.flatMap(({ what, most: count, windowMs }) =>
    count === null || count === undefined
      ? []
      : [{ name: `${owner.name}-${what}`, key: keyOf(needs, owner.id, what), most: count, windowMs }],
  );
}

interface Rates {
  readonly perMinute: number | null | undefined;
  readonly perHour: number | null | undefined;
}

function endpointLimits(needs: Needs, row: EndpointRow | null): Limit[] {
  if (row === null) return [];
  const rates = { perMinute: row.rate_limit_per_minute, perHour: row.rate_limit_per_hour };
  return limitsOf(needs, { id: row.id, name: "endpoint" }, rates);
}

function tokenLimits(needs: Needs, budget: CountedBudget): Limit[] {
  const rates = { perMinute: budget.requests_per_minute, perHour: budget.requests_per_hour };
  return limitsOf(needs, { id: budget.token, name: "token" }, rates);
}

async function admitRates(needs: Needs, limits: readonly Limit[]): Promise<void> {
  if (limits.length === 0) return;
  const admission = await needs.ephemeral.limiter.admit(limits);
  if (admission.kind === "refused") throw tooMany(admission.by, admission.standings);
}

/** The refusal of a limit on calls in a span of time. */
export function tooMany(by: Standing, standings: readonly Standing[]): Refusal {
  const seconds = Math.max(1, Math.ceil(by.resetMs / 1000));
  return new Refusal("rate_limited", {
    detail: `The limit ${by.name} allows ${by.most} calls in ${by.windowMs / 1000} seconds.`,
    retryAfterSeconds: seconds,
    standings,
    next: {
      action: "retry_later",
      detail: `Ask again in ${seconds} second${seconds === 1 ? "" : "s"}. Nothing was sent.`,
    },
  });
}

async function takeSlots(needs: Needs, budgets: readonly CountedBudget[]): Promise<readonly Slot[]> {
  const taken: Slot[] = [];
  for (const { token, concurrent } of budgets) {
    if (concurrent === undefined) continue;
    const slot = await needs.ephemeral.slots.take(keyOf(needs, token, "concurrent"), concurrent);
    if (slot !== undefined) taken.push(slot);
    else {
      for (const other of taken) other.release();
      throw new Refusal("rate_limited", {
        detail: `This token may have ${concurrent} call${concurrent === 1 ? "" : "s"} under way at once.`,
        retryAfterSeconds: 1,
        next: { action: "retry_later", detail: "Wait for a call to end, then ask again. Nothing was sent." },
      });
    }
  }
  return taken;
}

async function takeTotals(needs: Needs, budgets: readonly CountedBudget[], undo: (() => void)[]): Promise<void> {
  const { totals } = needs.ephemeral;
  for (const { token, requests } of budgets) {
    if (requests === undefined) continue;
    const key = keyOf(needs, token, "requests");
    if (!(await totals.take(key, { most: requests, amount: 1 })))
      throw spent(`All ${requests} requests of this token, or of the one it came from, are used up.`);
    undo.push(() => totals.giveBack(key, 1));
  }
}

async function demandBytesLeft(needs: Needs, budgets: readonly CountedBudget[]): Promise<void> {
  for (const { token, bytes } of budgets) {
    if (bytes === undefined) continue;
    if (!(await needs.ephemeral.totals.hasLeft(keyOf(needs, token, "bytes"), bytes)))
      throw spent(`All ${bytes} bytes of this token are used up.`);
  }
}

function spent(detail: string): Refusal {
  return new Refusal("budget_exceeded", {
    detail,
    next: { action: "replace_token", detail: "Ask whoever minted this token for another. Nothing was sent." },
  });
}
