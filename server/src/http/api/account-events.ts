// `GET /v1/accounts/events`: server-sent events that can be resumed (WHATWG HTML §9.2).
import type * as Wire from "@behalf/sdk";
import { z } from "zod";
import { type Heard, streamAccountEvents } from "../../flows/stream-account-events.ts";
import { accountStatuses } from "../../rules/account.ts";
import { Refusal } from "../../rules/refusal.ts";
import { type Route, route } from "./route.ts";
import * as shape from "./schemas.ts";

const { id, status_changed_at: time, status_reason } = shape.account.shape;
const accountEvent = z.object({
  seq: z.number().int(),
  at: time,
  account_id: id,
  connection: z.string().nullable(),
  identifier: z.string().nullable(),
  status: z.enum([...accountStatuses, "DELETED"]),
  status_reason,
}) satisfies z.ZodType<Wire.AccountEvent>;

const place = /^\d{1,15}$/;

export const accountEventRoutes: readonly Route[] = [
  route({
    tag: "Accounts",
    scope: "accounts",
    method: "GET",
    path: "/v1/accounts/events",
    summary:
      "Hear every change of an account's status, in order, from the first one on; resume with Last-Event-ID or `after`, begin with what comes next by `after=now`, end after what is there by `wait=0`",
    params: shape.none,
    query: z.strictObject({
      after: z.union([z.string().regex(place), z.literal("now")]).optional(),
      wait: z.enum(["0", "1"]).optional(),
    }),
    body: shape.none,
    answers: { "200": accountEvent },
    produces: "text/event-stream",
    refusals: [],
    run: async ({ house, principal, query, about }) => {
      const { signal, lastEventId } = about;
      const after = startOf(lastEventId, query.after);
      const pause = async (ms: number): Promise<void> => pausing(ms, signal);
      const heard = streamAccountEvents(house, principal, { after, wait: query.wait !== "0", signal, pause });
      return Promise.resolve({ status: 200, stream: written(heard) });
    },
  }),
];

/** A browser that reconnects repeats the URL it began with: so where it left off counts more than `after`. */
function startOf(lastEventId: string | null, after: string | undefined): number | "now" {
  const text = lastEventId ?? after ?? "0";
  if (text === "now") return text;
  if (place.test(text)) return Number(text);
  throw new Refusal("invalid_request", {
    detail: "Last-Event-ID is not one of ours.",
    next: { action: "fix_request", detail: "Send the id of the last event you have, or leave the header out." },
  });
}

async function* written(heard: AsyncIterable<Heard>): AsyncGenerator<string, void, undefined> {
  for await (const one of heard) yield one.kind === "event" ? eventText(one.event) : quietText(one.seq);
}

function eventText(event: Extract<Heard, { kind: "event" }>["event"]): string {
  return `id: ${event.seq}\nevent: account\ndata: ${JSON.stringify(event)}\n\n`;
}

/** No data, so no event: a sign of life for proxies, and the place to resume from. */
function quietText(seq: number): string {
  return `: still here\nid: ${seq}\n\n`;
}

async function pausing(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
