// What a batch of records adds to the counts, and the newest headroom in it.
import { labelsOf, minuteMs, quarterMs, slotOf } from "../rules/tally.ts";
import { type Cell, columns, type RequestCountRow, type RequestHeadroomRow, type RequestRow } from "./request-rows.ts";

export interface BatchSummary {
  readonly counts: readonly RequestCountRow[];
  readonly headroom: readonly RequestHeadroomRow[];
}

type Batched = Omit<RequestRow, "seq">;

export function summaryOf(batch: readonly (readonly Cell[])[]): BatchSummary {
  const counts = new Map<string, RequestCountRow>();
  const headroom = new Map<string, RequestHeadroomRow>();
  for (const cells of batch) {
    const row = rowOf(cells);
    for (const width of [minuteMs, quarterMs]) count(counts, row, width);
    const newest = headroomIn(row);
    if (newest === undefined) continue;
    const key = `${row.project_id} ${newest.account_id} ${newest.resource}`;
    const known = headroom.get(key);
    if (known === undefined || known.at <= newest.at) headroom.set(key, newest);
  }
  return { counts: [...counts.values()], headroom: [...headroom.values()] };
}

function rowOf(cells: readonly Cell[]): Batched {
  return Object.fromEntries(columns.map(([name], index) => [name, cells[index] ?? null])) as unknown as Batched;
}

function count(counts: Map<string, RequestCountRow>, row: Batched, width: number): void {
  const slot = slotOf(row.at, width);
  const facts = {
    projectId: row.project_id,
    at: row.at,
    surface: row.surface,
    status: row.status,
    refusal: row.refusal,
    totalMs: row.total_ms,
    upstreamMs: row.upstream_ms,
  };
  for (const [kind, label] of labelsOf(facts)) {
    const key = `${row.project_id} ${width} ${slot} ${kind} ${label}`;
    const known = counts.get(key)?.count ?? 0;
    counts.set(key, { project_id: row.project_id, width, slot, kind, label, count: known + 1 });
  }
}

function headroomIn(row: Batched): RequestHeadroomRow | undefined {
  const { rate_resource: resource, rate_limit: most, rate_remaining: remaining, rate_reset_at: reset_at } = row;
  const { project_id, account_id, connection, identifier, at } = row;
  if (account_id === null || resource === null || most === null || remaining === null || reset_at === null)
    return undefined;
  return { project_id, account_id, resource, connection, identifier, most, remaining, reset_at, at };
}
