// Checks the input of a tool against its schema, before anything leaves the house.
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import type { Tool } from "./tool.ts";

/** A place of an input, as JSON Pointer (RFC 6901), and what is wrong with it. Never repeats the value. */
export interface InputError {
  readonly path: string;
  readonly message: string;
}

export type InputCheck =
  | { readonly kind: "ok"; readonly input: Readonly<Record<string, unknown>> }
  | { readonly kind: "bad"; readonly errors: readonly InputError[] };

const errorsMax = 20;

/** A check that compiles each tool's schema on its first use. */
export function makeInputCheck(): (tool: Tool, input: unknown) => InputCheck {
  const ajv = new Ajv2020({ strict: true, allErrors: true, verbose: true });
  const compiled = new Map<Tool, ValidateFunction<Record<string, unknown>>>();
  return (tool, input) => {
    const check = compiled.get(tool) ?? ajv.compile<Record<string, unknown>>(tool.input);
    compiled.set(tool, check);
    if (check(input)) return { kind: "ok", input };
    return { kind: "bad", errors: (check.errors ?? []).slice(0, errorsMax).map((error) => inWords(error)) };
  };
}

function inWords(error: ErrorObject): InputError {
  const params = error.params as { readonly missingProperty?: string; readonly additionalProperty?: string };
  if (params.missingProperty !== undefined) return at(error, params.missingProperty, "is required");
  if (params.additionalProperty !== undefined) return at(error, params.additionalProperty, "is not a parameter");
  if (error.keyword === "enum") return at(error, undefined, `must be one of: ${allowedIn(error).join(", ")}`);
  if (error.keyword !== "pattern") return at(error, undefined, error.message ?? "does not fit");
  const description = (error.parentSchema as { readonly description?: string } | undefined)?.description;
  return at(error, undefined, description === undefined ? "does not fit" : `does not fit: ${description}`);
}

function allowedIn(error: ErrorObject): string[] {
  const { allowedValues } = error.params as { readonly allowedValues?: readonly unknown[] };
  return (allowedValues ?? []).map(String);
}

function at(error: ErrorObject, member: string | undefined, message: string): InputError {
  // The caller's own names come back to it, but not without end.
  const tail = member === undefined ? "" : `/${member.slice(0, 100).replaceAll("~", "~0").replaceAll("/", "~1")}`;
  return { path: `${error.instancePath}${tail}`, message };
}
