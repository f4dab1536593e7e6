// `GET /v1/accounts/events`: server-sent events that can be resumed (WHATWG HTML §9.2).
import type * as Wire from "@behalf/sdk";
import { z } from "zod";
import { type Heard, streamAccountEvents } from "../../flows/stream-account-events.ts";
import { accountStatuses } from "../../rules/account.ts";
import { eventText, listening, pausing, quietText, startOf } from "./event-stream.ts";
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

export const accountEventRoutes: readonly Route[] = [
  route({
    tag: "Accounts",
    scope: "accounts",
    method: "GET",
    path: "/v1/accounts/events",
    summary:
      "Hear every change of an account's status, in order, from the first one on; resume with Last-Event-ID or `after`, begin with what comes next by `after=now`, end after what is there by `wait=0`",
    params: shape.none,
    query: z.strictObject(listening),
    body: shape.none,
    answers: { "200": accountEvent },
    produces: "text/event-stream",
    refusals: [],
    run: async ({ house, principal, query, about }) => {
      const { signal, lastEventId } = about;
      const after = startOf(lastEventId, query.after, 0);
      const pause = async (ms: number): Promise<void> => pausing(ms, signal);
      const heard = await streamAccountEvents(house, principal, { after, wait: query.wait !== "0", signal, pause });
      return { status: 200, stream: written(heard) };
    },
  }),
];

async function* written(heard: AsyncIterable<Heard>): AsyncGenerator<string, void, undefined> {
  for await (const one of heard)
    yield one.kind === "event" ? eventText("account", one.event.seq, one.event) : quietText(one.seq);
}
