// What a `/v1` route is: one row of data. The door (mount.ts), the OpenAPI document and the tests all read the same rows.
import type { z } from "zod";
import type { House } from "../../flows/house.ts";
import type { Principal, Scope } from "../../rules/policy.ts";
import type { RefusalCode } from "../../rules/refusal.ts";

export interface RouteAnswer {
  readonly status: 200 | 201 | 202 | 204;
  /** Undefined with 202 and 204: no body. */
  readonly body?: unknown;
  /** In place of a body: text as it comes, until it ends or `signal` says that nobody listens. Its type is the row's `produces`. */
  readonly stream?: AsyncIterable<string>;
}

export interface RouteInput<Body, Query, Params> {
  readonly house: House;
  readonly principal: Principal;
  readonly body: Body;
  readonly query: Query;
  readonly params: Params;
  /** What else the request says. */
  readonly about: AboutRequest;
}

export interface AboutRequest {
  readonly requestId: string;
  /** Where a client of server-sent events left off. */
  readonly lastEventId: string | null;
  /** The trace of the header `traceparent` (W3C Trace Context). */
  readonly traceId: string | null;
  /** The caller's own, as far as trusted proxies tell it. */
  readonly address: string | null;
  /** Aborted when the caller goes away or the server ends: streams stop then and can be resumed. */
  readonly signal: AbortSignal;
}

interface RouteSpec<Body extends z.ZodType, Query extends z.ZodType, Params extends z.ZodType> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** OpenAPI template: `/v1/tokens/{id}`. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly scope: Scope;
  /** The route judges reads and writes itself: a tool call is always a POST. */
  readonly judgesAccess?: boolean;
  readonly params: Params;
  readonly query: Query;
  /** Null: the route takes no body. */
  readonly body: Body;
  readonly answers: { readonly [status: string]: z.ZodType | null };
  /** Content type of a streamed 200. */
  readonly produces?: "text/event-stream" | "application/jsonl" | "text/csv";
  /** Refusals of its own, besides those every route has. */
  readonly refusals: readonly RefusalCode[];
  readonly run: (input: RouteInput<z.output<Body>, z.output<Query>, z.output<Params>>) => Promise<RouteAnswer>;
}

export type Route = RouteSpec<z.ZodType, z.ZodType, z.ZodType>;

/** Checks the row's parts against each other, then forgets their types. */
export function route<Body extends z.ZodType, Query extends z.ZodType, Params extends z.ZodType>(
  spec: RouteSpec<Body, Query, Params>,
): Route {
  return spec;
}
