// The runner starts a seeded fake in a process of its own and says where it is.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("the runner prints its origins and stops when told to", async () => {
  const seed = { users: [{ login: "mona", id: 7 }], repositories: [{ owner: "mona", name: "art" }] };
  const child = spawn(process.execPath, [fileURLToPath(new URL("run.ts", import.meta.url)), JSON.stringify(seed)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const origins = JSON.parse(line) as Record<string, string>;
  assert.deepEqual(Object.keys(origins), ["web", "api", "uploads", "storage"]);
  const response = await fetch(`${origins["api"]}/users/mona`, { headers: { "user-agent": "t" } });
  assert.equal(((await response.json()) as { id: number }).id, 7);
  child.kill("SIGTERM");
  const [code] = (await once(child, "exit")) as [number];
  assert.equal(code, 0);
});
