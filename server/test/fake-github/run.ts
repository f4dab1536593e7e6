// One fake GitHub in its own process: `node run.ts '<json>'` prints its origins as one JSON line and stays until killed.
// The JSON: {now?, users?, clients?, repositories?, installations?}, each a list of the specs in types.ts.
import { startFakeGitHub } from "./index.ts";
import type { ClientSpec, InstallationSpec, RepositorySpec } from "./types.ts";

interface Seed {
  now?: number;
  users?: { login: string; id?: number; name?: string; email?: string }[];
  clients?: ClientSpec[];
  repositories?: RepositorySpec[];
  installations?: InstallationSpec[];
}

const DEFAULT: Seed = {
  users: [{ login: "octocat", id: 583231, name: "The Octocat" }],
  clients: [
    {
      clientId: "Iv1.fake",
      clientSecret: "fake-secret",
      kind: "github-app",
      redirectUris: ["http://127.0.0.1:4180/oauth/callback"],
    },
    {
      clientId: "Ov1.fake",
      clientSecret: "fake-secret",
      kind: "oauth-app",
      redirectUris: ["http://127.0.0.1:4180/oauth/callback"],
    },
  ],
  repositories: [{ owner: "octocat", name: "hello-world", private: true, files: { "README.md": "# hello-world\n" } }],
  installations: [{ clientId: "Iv1.fake", account: "octocat", repositories: "all" }],
};

const given = process.argv[2];
const seed: Seed = given === undefined ? DEFAULT : (JSON.parse(given) as Seed);
const github = await startFakeGitHub(seed.now === undefined ? {} : { now: seed.now });
for (const user of seed.users ?? []) github.user(user);
for (const client of seed.clients ?? []) github.client(client);
for (const repository of seed.repositories ?? []) github.repository(repository);
for (const installation of seed.installations ?? []) github.installation(installation);
const { web, api, uploads, storage } = github;
process.stdout.write(`${JSON.stringify({ web, api, uploads, storage })}\n`);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    void github.close().then(() => process.exit(0));
  });
}
