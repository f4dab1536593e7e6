// The catalogue as the wire shows it, within the caller's limits.
import type * as Wire from "@behalf/sdk";
import { mayCall, type Principal } from "../rules/policy.ts";
import { searchTools } from "../tools/catalogue.ts";
import type { Tool } from "../tools/tool.ts";
import { knownTool } from "./steps/known-tool.ts";

function view(tool: Tool): Wire.Tool {
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    provider: tool.provider,
    changes: tool.changes,
    needs_account: tool.needsAccount,
    permissions: tool.permissions,
    scopes: tool.scopes,
    input_schema: tool.input,
    output_schema: tool.output,
  };
}

function isWithinLimits(principal: Principal, tool: Tool): boolean {
  const { repositories: _, ...limits } = principal.limits;
  return (
    mayCall(limits, { tool: tool.name, method: tool.method, changes: tool.changes, repository: "none" }).kind ===
    "allow"
  );
}

export function listTools(principal: Principal, ask: { readonly query: string | undefined }): Wire.Page<Wire.Tool> {
  const items = searchTools(ask.query ?? "").filter((tool) => isWithinLimits(principal, tool));
  return { items: items.map(view), next_cursor: null };
}

export function readTool(name: string): Wire.Tool {
  return view(knownTool(name));
}
