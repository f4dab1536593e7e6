// Runs a named tool as a person: checks the input and the caller's limits, lends a credential, calls GitHub, says what came of it.
import type * as Wire from "@behalf/sdk";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import { requestOf } from "../tools/request.ts";
import type { Tool } from "../tools/tool.ts";
import type { House } from "./house.ts";
import { borrow } from "./steps/borrow.ts";
import { callAnonymously, callAs, type PreparedCall } from "./steps/call-github.ts";
import { knownTool } from "./steps/known-tool.ts";
import { resolveAccount } from "./steps/resolve-account.ts";
import { demandWithinLimits } from "./steps/within-limits.ts";

type Needs = Pick<
  House,
  "store" | "vault" | "github" | "presets" | "now" | "newId" | "origin" | "background" | "checkInput" | "log"
>;

export interface ToolCall {
  readonly name: string;
  readonly connection?: string | undefined;
  readonly identifier?: string | undefined;
  readonly input: unknown;
  /** Groups the calls of one run in the caller's own words; logged. */
  readonly run_id?: string | undefined;
}

export async function executeTool(needs: Needs, principal: Principal, call: ToolCall): Promise<Wire.Execution> {
  const tool = knownTool(call.name);
  const prepared = prepare(needs, tool, call.input);
  authorise(principal, prepared);
  const resolved = await resolveAccount(needs, principal, call);
  if (resolved === undefined && tool.needsAccount) throw accountNeeded();
  const execution_id = needs.newId("execution");
  const account = resolved?.account.id ?? null;
  needs.log.info("tool", { execution_id, tool: tool.name, token: principal.tokenId, account, run_id: call.run_id });
  const data =
    resolved === undefined
      ? await callAnonymously(needs, principal, { ...prepared, connection: call.connection })
      : await callAs(needs, await borrow(needs, resolved), prepared);
  return { execution_id, data };
}

function prepare(needs: Needs, tool: Tool, input: unknown): PreparedCall {
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
