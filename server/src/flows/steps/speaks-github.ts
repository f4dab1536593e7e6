// Whether what lies behind a connection is GitHub's REST API: then paths name repositories, and answers tell of GitHub's limits.
import type { ConnectionRow } from "../../store/schema.ts";
import type { House } from "../house.ts";

export function speaksGitHub({ presets }: Pick<House, "presets">, { preset }: Pick<ConnectionRow, "preset">): boolean {
  return presets.some(({ name, kind }) => name === preset && kind === "github");
}
