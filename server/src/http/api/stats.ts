// `/v1/stats`: figures of the live log for plots.
import { z } from "zod";
import { readStats } from "../../flows/read-stats.ts";
import * as logShape from "./log-shapes.ts";
import { type Route, route } from "./route.ts";
import * as shape from "./schemas.ts";

export const statsRoutes: readonly Route[] = [
  route({
    tag: "Requests",
    scope: "logs",
    method: "GET",
    path: "/v1/stats",
    summary: "Counts, latencies and rate-limit headroom of the last minutes to the last week",
    params: shape.none,
    query: z.strictObject({ window: z.enum(["15m", "1h", "24h", "7d"]).default("1h") }),
    body: shape.none,
    answers: { "200": logShape.stats },
    refusals: [],
    run: async ({ house, principal, query }) => ({
      status: 200,
      body: await readStats(house, principal, query.window),
    }),
  }),
];
