// `/v1/requests`: the live log, in pages and as server-sent events that can be resumed (WHATWG HTML §9.2).
import { z } from "zod";
import { listRequests } from "../../flows/list-requests.ts";
import { readRequest } from "../../flows/read-request.ts";
import { type HeardRequests, streamRequests } from "../../flows/stream-requests.ts";
import { logKeys } from "../../rules/log-filter.ts";
import { parseLogCursor } from "../../rules/request-record.ts";
import { eventText, listening, pausing, quietText, startOf } from "./event-stream.ts";
import * as logShape from "./log-shapes.ts";
import { type Route, route } from "./route.ts";
import * as shape from "./schemas.ts";

const common = { tag: "Requests", scope: "logs", method: "GET", body: shape.none, params: shape.none } as const;

const filter = z
  .string()
  .max(1000)
  .default("")
  .meta({
    description: `Keys ${logKeys.join(", ")}, each as \`key:value\`, with quotes around blanks; \`status\` takes 502, 4xx or >=500, \`since\` and \`until\` 15m, 2h, 3d or a time. Values of one key are alternatives, different keys must all hold. Other words are looked for in path, tool, endpoint, identifier and request ids.`,
  });
const moment = z.string().min(1).max(40).optional();
const bounds = {
  since: moment.meta({ description: "As `since:` in the filter." }),
  until: moment.meta({ description: "As `until:` in the filter." }),
};

/** Quotes keep whatever comes in the value of its key. */
function wholeFilter(query: {
  readonly filter: string;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}) {
  const times = (["since", "until"] as const).flatMap((key) => {
    const value = query[key];
    return value === undefined ? [] : [`${key}:"${value.replaceAll(/[\\"]/g, "\\$&")}"`];
  });
  return [query.filter, ...times].join(" ");
}

export const requestRoutes: readonly Route[] = [
  route({
    ...common,
    path: "/v1/requests",
    summary: "List proxied calls and tool calls of the last 7 days, newest first",
    query: z.strictObject({
      limit: shape.paging.limit,
      cursor: z
        .string()
        .max(30)
        .refine((text) => parseLogCursor(text) !== undefined, "is not a cursor of ours")
        .optional()
        .meta({
          description: "A page may hold fewer calls than `limit`, even none: only a null `next_cursor` is the end.",
        }),
      filter,
      ...bounds,
    }),
    answers: { "200": shape.pageOf(logShape.requestRecord) },
    refusals: [],
    run: async ({ house, principal, query }) => ({
      status: 200,
      body: await listRequests(house, principal, {
        filter: wholeFilter(query),
        limit: query.limit,
        after: parseLogCursor(query.cursor ?? "") ?? null,
      }),
    }),
  }),
  // Before `{id}`, which would take `stream` for one.
  route({
    ...common,
    path: "/v1/requests/stream",
    summary:
      "Hear calls as they are logged, from now on; resume with Last-Event-ID or `after`, end after what is there by `wait=0`",
    query: z.strictObject({
      filter,
      ...listening,
    }),
    answers: { "200": logShape.requestRecord },
    produces: "text/event-stream",
    refusals: [],
    run: async ({ house, principal, query, about }) => {
      const { signal, lastEventId } = about;
      const heard = await streamRequests(house, principal, {
        filter: query.filter,
        after: startOf(lastEventId, query.after, "now"),
        wait: query.wait !== "0",
        signal,
        pause: async (ms) => pausing(ms, signal),
      });
      return { status: 200, stream: written(heard) };
    },
  }),
  route({
    ...common,
    path: "/v1/requests/{id}",
    summary: "Show one call",
    params: z.strictObject({ id: z.string().max(64) }),
    query: shape.none,
    answers: { "200": logShape.requestRecord },
    refusals: ["not_found"],
    run: async ({ house, principal, params }) => ({
      status: 200,
      body: await readRequest(house, principal, params.id),
    }),
  }),
];

async function* written(heard: AsyncIterable<HeardRequests>): AsyncGenerator<string, void, undefined> {
  for await (const one of heard) {
    if (one.kind === "quiet") {
      yield quietText(one.seq);
      continue;
    }
    yield one.requests.map(({ seq, view }) => eventText("request", seq, view)).join("");
  }
}
