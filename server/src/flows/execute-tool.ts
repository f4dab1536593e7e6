// Runs a named tool as a person: checks the input and the caller's limits, lends a credential, calls GitHub, says what came of it.
import type * as Wire from "@behalf/sdk";
import { resourceOf } from "../rules/headroom.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import { requestOf } from "../tools/request.ts";
import type { Tool } from "../tools/tool.ts";
import type { House } from "./house.ts";
import { admitted } from "./steps/admit.ts";
import { borrow } from "./steps/borrow.ts";
import { callAnonymously, callAs, type PreparedCall } from "./steps/call-github.ts";
import { demandHeadroom } from "./steps/headroom.ts";
import { knownTool } from "./steps/known-tool.ts";
import { type CallFacts, type CallNote, type Noting, noted } from "./steps/noted.ts";
import { type Resolved, resolveAccount } from "./steps/resolve-account.ts";
import { demandWithinLimits } from "./steps/within-limits.ts";

type Needs = Noting &
  Pick<
    House,
    | "store"
    | "vault"
    | "github"
    | "presets"
    | "newId"
    | "origin"
    | "background"
    | "checkInput"
    | "log"
    | "headroom"
    | "ephemeral"
  >;

export interface ToolCall {
  readonly name: string;
  readonly connection?: string | undefined;
  readonly identifier?: string | undefined;
  readonly input: unknown;
  /** Groups the calls of one run in the caller's own words; logged. */
  readonly run_id?: string | undefined;
  readonly about: Pick<CallFacts, "requestId" | "traceId" | "address">;
}

export async function executeTool(needs: Needs, principal: Principal, call: ToolCall): Promise<Wire.Execution> {
  const tool = knownTool(call.name);
  const request = prepare(needs, tool, call.input);
  const facts = {
    ...call.about,
    surface: "tool",
    method: tool.method,
    path: request.request.path,
    tool: tool.name,
    runId: call.run_id,
  } as const;
  const work = async (note: CallNote): Promise<Wire.Execution> =>
    execute(needs, principal, { call, prepared: { ...request, note } });
  return noted(needs, principal, { facts, signal: null, work });
}

async function execute(
  needs: Needs,
  principal: Principal,
  { call, prepared }: { readonly call: ToolCall; readonly prepared: PreparedCall },
): Promise<Wire.Execution> {
  const { tool, note } = prepared;
  authorise(principal, prepared);
  const work = async (): Promise<Wire.Execution> => {
    const resolved = await resolveAccount(needs, principal, call);
    if (resolved === undefined && tool.needsAccount) throw accountNeeded();
    note.resolved = resolved ?? null;
    const execution_id = needs.newId("execution");
    const account = resolved?.account.id ?? null;
    needs.log.info("tool", { execution_id, tool: tool.name, token: principal.tokenId, account, run_id: call.run_id });
    const data =
      resolved === undefined
        ? await callAnonymously(needs, principal, { ...prepared, connection: call.connection })
        : await callLent(needs, resolved, prepared);
    return { execution_id, data };
  };
  return admitted(needs, principal, { endpoint: null, note, work });
}

async function callLent(needs: Needs, resolved: Resolved, prepared: PreparedCall): Promise<unknown> {
  demandHeadroom(needs, resolved.account, resourceOf(prepared.request.path.slice(1).split("/")));
  const asked = needs.elapsed();
  const lent = await borrow(needs, resolved);
  prepared.note.credentialMs = needs.elapsed() - asked;
  return callAs(needs, lent, prepared);
}

function prepare(needs: Needs, tool: Tool, input: unknown): Omit<PreparedCall, "note"> {
  const checked = needs.checkInput(tool, input);
  if (checked.kind === "ok") return { tool, input: checked.input, request: requestOf(tool, checked.input) };
  throw new Refusal("invalid_input", {
    detail: `The input does not fit the tool ${tool.name}.`,
    errors: checked.errors,
    next: {
      action: "fix_input",
      method: "GET",
      url: `${needs.origin}/v1/tools/${tool.name}`,
      detail: "The tool's input_schema says what fits.",
    },
  });
}

function authorise(principal: Principal, { tool, request }: PreparedCall): void {
  const { method, changes, name } = tool;
  demandWithinLimits(principal, { tool: name, method, changes, repository: request.repository ?? "none" });
}

function accountNeeded(): Refusal {
  return new Refusal("invalid_input", {
    detail: "This tool acts as a person, and the call names nobody.",
    errors: [{ path: "identifier", message: "is needed, with `connection` where several connections exist" }],
    next: {
      action: "name_account",
      detail: "Send `connection` and `identifier`, or use a token bound to an account.",
    },
  });
}
