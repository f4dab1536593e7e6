// Shows an endpoint.
import type * as Wire from "@behalf/sdk";
import { projectOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import type { House } from "./house.ts";
import { connectionOf, endpointNamed } from "./steps/endpoint-parts.ts";
import { endpointView } from "./steps/endpoint-view.ts";

export async function readEndpoint(
  needs: Pick<House, "store" | "origin" | "presets">,
  principal: Principal,
  name: string,
): Promise<Wire.Endpoint> {
  const row = await endpointNamed(needs, projectOf(principal), name);
  return endpointView(needs, row, await connectionOf(needs, row));
}
