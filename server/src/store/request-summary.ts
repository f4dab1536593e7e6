// What a batch of records adds to the counts, and the newest headroom in it.
import { type Countable, labelsOf, minuteMs, quarterMs, slotOf } from "../rules/tally.ts";
import { type Cell, columns, type RequestCountRow, type RequestHeadroomRow, type RequestRow } from "./request-rows.ts";

export interface BatchSummary {
  readonly counts: readonly RequestCountRow[];
  readonly headroom: readonly RequestHeadroomRow[];
}

type Batched = Omit<RequestRow, "seq">;

const places = Object.fromEntries(columns.map(([name], index) => [name, index])) as Record<keyof Batched, number>;

function cellOf<Name extends keyof Batched>(cells: readonly Cell[], name: Name): Batched[Name] {
  return cells[places[name]] as Batched[Name];
}

type Counts = Map<string, { -readonly [Name in keyof RequestCountRow]: RequestCountRow[Name] }>;

export function summaryOf(batch: readonly (readonly Cell[])[]): BatchSummary {
  const counts: Counts = new Map();
  const headroom = new Map<string, RequestHeadroomRow>();
  for (const cells of batch) {
    for (const width of [minuteMs, quarterMs]) count(counts, cells, width);
    const newest = headroomIn(cells);
    if (newest === undefined) continue;
    const key = `${newest.project_id} ${newest.account_id} ${newest.resource}`;
    if ((headroom.get(key)?.at ?? 0) <= newest.at) headroom.set(key, newest);
  }
  return { counts: [...counts.values()], headroom: [...headroom.values()] };
}

function count(counts: Counts, cells: readonly Cell[], width: number): void {
  const project_id = cellOf(cells, "project_id");
  const slot = slotOf(cellOf(cells, "at"), width);
  for (const [kind, label] of labelsOf(countableOf(cells))) {
    const key = `${project_id} ${slot} ${width} ${kind} ${label}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { project_id, width, slot, kind, label, count: 1 });
    else known.count += 1;
  }
}

function countableOf(cells: readonly Cell[]): Countable {
  return {
    projectId: cellOf(cells, "project_id"),
    at: cellOf(cells, "at"),
    surface: cellOf(cells, "surface"),
    status: cellOf(cells, "status"),
    refusal: cellOf(cells, "refusal"),
    totalMs: cellOf(cells, "total_ms"),
    upstreamMs: cellOf(cells, "upstream_ms"),
  };
}

function headroomIn(cells: readonly Cell[]): RequestHeadroomRow | undefined {
  const account_id = cellOf(cells, "account_id");
  const resource = cellOf(cells, "rate_resource");
  const most = cellOf(cells, "rate_limit");
  const remaining = cellOf(cells, "rate_remaining");
  const reset_at = cellOf(cells, "rate_reset_at");
  if (account_id === null || resource === null || most === null || remaining === null || reset_at === null)
    return undefined;
  return {
    project_id: cellOf(cells, "project_id"),
    account_id,
    resource,
    connection: cellOf(cells, "connection"),
    identifier: cellOf(cells, "identifier"),
    most,
    remaining,
    reset_at,
    at: cellOf(cells, "at"),
  };
}
