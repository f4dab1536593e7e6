// A raw call through a configured endpoint, `/api/{project}/proxy/{slug}/{path}` (design §3.2): PromptGate's shape.
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { projectOf } from "../rules/caller.ts";
import { endpointHeaders } from "../rules/endpoint.ts";
import type { Principal } from "../rules/policy.ts";
import type { House } from "./house.ts";
import { admitted } from "./steps/admit.ts";
import { connectionOf, endpointAccount, headerRulesOf, livingEndpoint } from "./steps/endpoint-parts.ts";
import { demandMethod, demandReach, wayOf } from "./steps/endpoint-way.ts";
import { type CallFacts, type CallNote, type Noting, noted } from "./steps/noted.ts";
import { type Relaying, relay } from "./steps/relay.ts";

type Needs = Relaying & Noting & Pick<House, "presets" | "ephemeral">;

export interface EndpointCall {
  readonly facts: Pick<CallFacts, "requestId" | "traceId" | "address">;
  /** As it stood in the path. */
  readonly slug: string;
  /** Our address of the endpoint, as the caller spelled it. */
  readonly prefix: string;
  readonly method: string;
  /** What follows the slug on the wire, byte for byte, with the query; starts with a slash. */
  readonly target: string;
  /** Nothing followed the slug, so that the slash of `target` is ours and not the caller's. */
  readonly bare: boolean;
  readonly headers: readonly string[];
  readonly body: Readable | Uint8Array | null;
  readonly signal: AbortSignal;
}

export async function callEndpoint(
  needs: Needs,
  principal: Principal,
  { call, response }: { readonly call: EndpointCall; readonly response: ServerResponse },
): Promise<void> {
  const { method, prefix, target, signal } = call;
  const facts = { ...call.facts, surface: "endpoint", method, path: prefix + target } as const;
  const work = async (note: CallNote): Promise<void> => pass(needs, principal, { call, response, note });
  await noted(needs, principal, { facts, signal, work });
}

interface Passing {
  readonly call: EndpointCall;
  readonly response: ServerResponse;
  readonly note: CallNote;
}

async function pass(needs: Needs, principal: Principal, { call, response, note }: Passing): Promise<void> {
  const endpoint = await livingEndpoint(needs, projectOf(principal), call.slug);
  note.endpoint = endpoint.slug;
  const { method, body, signal } = call;
  demandMethod(endpoint, method);
  const connection = await connectionOf(needs, endpoint);
  const github = demandReach(needs, principal, { call, endpoint, connection });
  const work = async (): Promise<void> => {
    const resolved = { connection, account: await endpointAccount(needs, principal, { endpoint, connection }) };
    await relay(needs, {
      resolved,
      wayAt: () => ({ ...wayOf(endpoint, call, needs.origin), github }),
      method,
      headers: endpointHeaders(call.headers, headerRulesOf(needs, endpoint)),
      body,
      timeoutMs: endpoint.timeout_seconds * 1000,
      signal,
      response,
      note,
    });
  };
  await admitted(needs, principal, { endpoint, note, work });
}
