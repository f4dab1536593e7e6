// A tool of the catalogue by its name, or the refusal that says where to look.
import { Refusal } from "../../rules/refusal.ts";
import { toolNamed } from "../../tools/catalogue.ts";
import type { Tool } from "../../tools/tool.ts";

export function knownTool(name: string): Tool {
  const tool = toolNamed(name);
  if (tool !== undefined) return tool;
  throw new Refusal("not_found", {
    detail: "There is no tool of that name.",
    next: { action: "list_tools", method: "GET", detail: "`GET /v1/tools?query=…` finds tools." },
  });
}
