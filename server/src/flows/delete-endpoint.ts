// Deletes an endpoint: the next call to its slug is told that there is none.
import { actorOf, projectOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import type { House } from "./house.ts";
import { endpointNamed } from "./steps/endpoint-parts.ts";

export async function deleteEndpoint(needs: Pick<House, "store">, principal: Principal, name: string): Promise<void> {
  const row = await endpointNamed(needs, projectOf(principal), name);
  await needs.store.change(async (tables, record) => {
    // Somebody else may have been first: then there is nothing to tell.
    if (!(await tables.endpoints.erase(row.project_id, row.id))) return;
    const details = { slug: row.slug };
    record({ chain: row.project_id, name: "endpoint.deleted", actor: actorOf(principal), subject: row.id, details });
  });
}
