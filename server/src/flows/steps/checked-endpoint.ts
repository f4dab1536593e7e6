// Checks what a caller wants an endpoint to be, against the SSRF guard and the tables of headers, and writes it as columns.
import { injectionFault } from "../../rules/endpoint.ts";
import { neverForwards } from "../../rules/headers.ts";
import { Refusal } from "../../rules/refusal.ts";
import { parseBase } from "../../rules/urls.ts";
import type { EndpointRow } from "../../store/gateway-rows.ts";
import type { House } from "../house.ts";
import { injectPlace } from "./endpoint-parts.ts";

/** The members of an endpoint that can be given and changed. */
export interface EndpointMembers {
  readonly name: string;
  readonly upstream_url: string;
  readonly methods: readonly string[];
  readonly identifier: string | null;
  readonly timeout_seconds: number;
  readonly strip_prefix: boolean;
  readonly preserve_query: boolean;
  readonly forward_headers: readonly string[];
  readonly blocked_headers: readonly string[];
  /** Undefined: as they are. */
  readonly inject_headers: Readonly<Record<string, string>> | undefined;
  readonly rate_limit_per_minute: number | null;
  readonly rate_limit_per_hour: number | null;
  readonly active: boolean;
}

type Needs = Pick<House, "mayReach" | "vault">;
type Fault = { readonly path: string; readonly message: string };
type Columns = Omit<EndpointRow, "id" | "project_id" | "slug" | "connection_id" | "created_at" | "updated_at">;

/** The members as columns; every fault at once, as invalid_input. `was`: the headers that stay when none are given. */
export function endpointColumns(
  needs: Needs,
  of: Pick<EndpointRow, "id" | "project_id">,
  members: EndpointMembers,
  was: Pick<EndpointRow, "inject_names" | "inject_headers">,
): Columns {
  const upstream = demandSound(needs, members);
  return {
    name: members.name,
    upstream_url: upstream,
    methods: JSON.stringify(members.methods),
    identifier: members.identifier,
    timeout_seconds: members.timeout_seconds,
    strip_prefix: members.strip_prefix ? 1 : 0,
    preserve_query: members.preserve_query ? 1 : 0,
    forward_headers: JSON.stringify(members.forward_headers),
    blocked_headers: JSON.stringify(members.blocked_headers),
    ...injected(needs, of, members.inject_headers, was),
    rate_limit_per_minute: members.rate_limit_per_minute,
    rate_limit_per_hour: members.rate_limit_per_hour,
    active: members.active ? 1 : 0,
  };
}

/** The upstream in its normal form; every fault of the members at once. */
function demandSound(needs: Needs, members: EndpointMembers): string {
  const faults: Fault[] = [];
  const upstream = checkedUpstream(needs, members.upstream_url, faults);
  for (const [index, name] of members.forward_headers.entries()) {
    const message = "never crosses, whatever an endpoint says";
    if (neverForwards(name)) faults.push({ path: `forward_headers.${index}`, message });
  }
  const added = Object.keys(members.inject_headers ?? {});
  for (const [index, name] of added.entries()) {
    const isTwice = added.slice(0, index).some((other) => other.toLowerCase() === name.toLowerCase());
    const fault = isTwice ? "is given twice" : injectionFault(name);
    if (fault !== undefined) faults.push({ path: `inject_headers.${name}`, message: fault });
  }
  if (faults.length === 0) return upstream;
  throw new Refusal("invalid_input", {
    detail: "The endpoint cannot be set up like this.",
    errors: faults,
    next: { action: "fix_input", detail: "Correct the members named in `errors`." },
  });
}

function checkedUpstream(needs: Needs, text: string, faults: Fault[]): string {
  const base = parseBase(text);
  if (base === undefined) {
    faults.push({ path: "upstream_url", message: "must be an https URL without credentials, query or fragment" });
    return text;
  }
  const url = new URL(base);
  if (!needs.mayReach(url)) {
    const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
    faults.push({
      path: "upstream_url",
      message: `is not reachable for Behalf: private addresses and plain http have to be allowed with BEHALF_ALLOW_UPSTREAM=${url.hostname}:${port}`,
    });
  }
  return base;
}

function injected(
  { vault }: Needs,
  of: Pick<EndpointRow, "id" | "project_id">,
  headers: Readonly<Record<string, string>> | undefined,
  was: Pick<EndpointRow, "inject_names" | "inject_headers">,
): Pick<EndpointRow, "inject_names" | "inject_headers"> {
  if (headers === undefined) return { inject_names: was.inject_names, inject_headers: was.inject_headers };
  const names = Object.keys(headers);
  if (names.length === 0) return { inject_names: "[]", inject_headers: null };
  return {
    inject_names: JSON.stringify(names),
    inject_headers: vault.sealText(injectPlace(of), JSON.stringify(headers)),
  };
}
