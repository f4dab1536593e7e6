// Everything the fake remembers, with the look-ups every route needs.
import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.ts";
import { runningClock } from "./clock.ts";
import { CodeStore } from "./codes.ts";
import { commitOnto, firstCommit } from "./commits.ts";
import type { Account, Client, Installation, Issue, Repository } from "./model.ts";
import { RateBook } from "./rate.ts";
import { TokenStore } from "./tokens.ts";
import type { ClientSpec, FakeGitHubOptions, InstallationSpec, OriginName, RepositorySpec } from "./types.ts";

const DEFAULT_PERMISSIONS = {
  contents: "write",
  issues: "write",
  metadata: "read",
  pull_requests: "write",
} as const;

export class World {
  readonly clock: Clock;
  readonly options: FakeGitHubOptions;
  readonly tokens: TokenStore;
  readonly codes: CodeStore;
  readonly rate: RateBook;
  readonly accounts: Account[] = [];
  readonly clients: Client[] = [];
  readonly installations: Installation[] = [];
  readonly repositories: Repository[] = [];
  /** Filled in once the sockets listen. */
  readonly origins: Record<OriginName, string> = { web: "", api: "", uploads: "", storage: "" };
  /** download_url tokens of private files: single use, short-lived (github-facts 3.10). */
  readonly downloads = new Map<string, { path: string; expiresAt: number }>();
  readonly #moved = new Map<string, Repository>();
  #lastId = 1000;

  constructor(options: FakeGitHubOptions) {
    this.options = options;
    this.clock = runningClock(options.now);
    this.tokens = new TokenStore(this.clock);
    this.codes = new CodeStore(this.clock);
    this.rate = new RateBook(this.clock);
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  account(login: string): Account | undefined {
    const wanted = login.toLowerCase();
    return this.accounts.find((account) => account.login.toLowerCase() === wanted);
  }

  knownUser(login: string): Account {
    const account = this.account(login);
    if (account === undefined) throw new Error(`fake-github: no user ${login}`);
    return account;
  }

  addAccount(login: string, type: Account["type"], more: { id?: number; name?: string; email?: string } = {}): Account {
    if (this.account(login) !== undefined) throw new Error(`fake-github: ${login} exists already`);
    const account: Account = {
      id: more.id ?? this.nextId(),
      login,
      type,
      name: more.name ?? null,
      email: more.email ?? null,
      createdAt: this.clock.now(),
    };
    this.accounts.push(account);
    return account;
  }

  client(clientId: string | null | undefined): Client | undefined {
    return this.clients.find((client) => client.clientId === clientId);
  }

  knownClient(clientId: string): Client {
    const client = this.client(clientId);
    if (client === undefined) throw new Error(`fake-github: no client ${clientId}`);
    return client;
  }

  addClient(spec: ClientSpec): void {
    if (spec.redirectUris.length === 0) throw new Error("fake-github: a client needs a callback URL");
    if (this.client(spec.clientId) !== undefined) throw new Error(`fake-github: ${spec.clientId} exists already`);
    this.clients.push({
      id: this.nextId(),
      clientId: spec.clientId,
      clientSecret: spec.clientSecret,
      kind: spec.kind,
      redirectUris: [...spec.redirectUris],
      slug: spec.slug ?? spec.clientId.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-"),
      expiring: spec.expiring ?? spec.kind === "github-app",
      tokenCheck: spec.tokenCheck ?? true,
      deviceFlow: spec.deviceFlow ?? true,
      reuseRevokesFamily: spec.reuseRevokesFamily ?? false,
    });
  }

  repository(owner: string, name: string): Repository | undefined {
    const wanted = `${owner}/${name}`.toLowerCase();
    return this.repositories.find((repo) => fullName(repo).toLowerCase() === wanted);
  }

  repositoryById(id: number): Repository | undefined {
    return this.repositories.find((repo) => repo.id === id);
  }

  /** Where an old name leads now; a new repository under the old name ends the redirect. */
  moved(owner: string, name: string): Repository | undefined {
    return this.#moved.get(`${owner}/${name}`.toLowerCase());
  }

  rename(repo: Repository, newName: string): void {
    this.#moved.set(fullName(repo).toLowerCase(), repo);
    repo.name = newName;
    repo.updatedAt = this.clock.now();
    this.#moved.delete(fullName(repo).toLowerCase());
  }

  addRepository(spec: RepositorySpec): Repository {
    if (this.repository(spec.owner, spec.name) !== undefined)
      throw new Error(`fake-github: ${spec.owner}/${spec.name} exists already`);
    const owner = this.account(spec.owner) ?? this.addAccount(spec.owner, "Organization");
    const now = this.clock.now();
    const collaborators = Object.entries(spec.collaborators ?? {}).map(
      ([login, level]) => [login.toLowerCase(), level] as const,
    );
    const repo: Repository = {
      id: this.nextId(),
      owner,
      name: spec.name,
      private: spec.private ?? false,
      description: null,
      collaborators: new Map(collaborators),
      sso: spec.sso ?? false,
      oauthAppRestricted: spec.oauthAppRestricted ?? false,
      issuesEnabled: spec.issuesEnabled ?? true,
      archived: spec.archived ?? false,
      defaultBranch: "main",
      branches: new Map(),
      commits: new Map(),
      issues: new Map(),
      labels: [],
      milestones: [],
      releases: [],
      createdAt: now,
      updatedAt: now,
      pushedAt: now,
    };
    this.repositories.push(repo);
    this.#moved.delete(fullName(repo).toLowerCase());
    seedFiles(repo, spec, now);
    return repo;
  }

  addInstallation(spec: InstallationSpec): Installation {
    const account = this.account(spec.account);
    if (account === undefined) throw new Error(`fake-github: no account ${spec.account}`);
    const client = this.knownClient(spec.clientId);
    if (client.kind !== "github-app") throw new Error("fake-github: only a GitHub App can be installed");
    const installation: Installation = {
      id: this.nextId(),
      client,
      account,
      repositories:
        spec.repositories === "all" ? "all" : spec.repositories.map((name) => name.split("/").at(-1) ?? name),
      permissions: spec.permissions ?? { ...DEFAULT_PERMISSIONS },
      createdAt: this.clock.now(),
    };
    this.installations.push(installation);
    return installation;
  }

  /** The installation of that app that selects this repository. */
  installationFor(client: Client, repo: Repository): Installation | undefined {
    return this.installations.find(
      (one) =>
        one.client === client &&
        one.account === repo.owner &&
        (one.repositories === "all" || one.repositories.includes(repo.name)),
    );
  }

  nextNumber(repo: Repository): number {
    return Math.max(0, ...repo.issues.keys()) + 1;
  }

  addIssue(
    repo: Repository,
    issue: Omit<
      Issue,
      "id" | "number" | "comments" | "createdAt" | "updatedAt" | "closedAt" | "closedBy" | "state" | "stateReason"
    >,
  ): Issue {
    const now = this.clock.now();
    const made: Issue = {
      ...issue,
      id: this.nextId(),
      number: this.nextNumber(repo),
      state: "open",
      stateReason: null,
      closedBy: null,
      comments: [],
      createdAt: now,
      updatedAt: now,
      closedAt: null,
    };
    repo.issues.set(made.number, made);
    return made;
  }

  /** One unspent token per path, so that answers (and ETags) do not change with every read. */
  downloadToken(path: string): string {
    for (const [token, grant] of this.downloads)
      if (grant.path === path && grant.expiresAt > this.clock.now()) return token;
    const token = randomBytes(15).toString("hex").toUpperCase();
    this.downloads.set(token, { path, expiresAt: this.clock.now() + 5 * 60_000 });
    return token;
  }
}

export function fullName(repo: Repository): string {
  return `${repo.owner.login}/${repo.name}`;
}

function seedFiles(repo: Repository, spec: RepositorySpec, now: number): void {
  const author = { name: spec.owner, email: `${spec.owner}@users.noreply.github.com`, date: now };
  if (spec.files === undefined && spec.branches === undefined) return;
  firstCommit(repo, spec.files ?? {}, author);
  for (const [branch, files] of Object.entries(spec.branches ?? {})) {
    const base = repo.branches.get(repo.defaultBranch);
    if (base !== undefined) repo.branches.set(branch, base);
    for (const [path, text] of Object.entries(files)) {
      commitOnto(repo, branch, { message: `Change ${path}`, author, path, data: Buffer.from(text) });
    }
  }
}
