// The things GitHub keeps, as plain records.
import type { Level } from "./types.ts";

export interface Account {
  id: number;
  login: string;
  type: "User" | "Organization";
  name: string | null;
  email: string | null;
  createdAt: number;
}

export interface Client {
  id: number;
  clientId: string;
  clientSecret: string;
  kind: "oauth-app" | "github-app";
  redirectUris: string[];
  slug: string;
  expiring: boolean;
  tokenCheck: boolean;
  deviceFlow: boolean;
  reuseRevokesFamily: boolean;
}

export interface Installation {
  id: number;
  client: Client;
  account: Account;
  repositories: "all" | string[];
  permissions: Record<string, Level>;
  createdAt: number;
}

export interface Commit {
  sha: string;
  message: string;
  author: { name: string; email: string; date: number };
  parents: string[];
  tree: Map<string, Buffer>;
}

export interface Label {
  id: number;
  name: string;
  color: string;
  description: string | null;
}

export interface Milestone {
  id: number;
  number: number;
  title: string;
}

export interface Comment {
  id: number;
  user: Account;
  body: string;
  createdAt: number;
  updatedAt: number;
}

export interface Pull {
  id: number;
  head: string;
  base: string;
  draft: boolean;
}

export interface Issue {
  id: number;
  number: number;
  title: string;
  body: string | null;
  user: Account;
  labels: Label[];
  assignees: Account[];
  milestone: Milestone | null;
  state: "open" | "closed";
  stateReason: string | null;
  closedBy: Account | null;
  comments: Comment[];
  createdAt: number;
  updatedAt: number;
  closedAt: number | null;
  pull: Pull | null;
}

export interface Asset {
  id: number;
  name: string;
  label: string | null;
  contentType: string;
  size: number;
  data: Buffer;
  uploader: Account;
  createdAt: number;
}

export interface Release {
  id: number;
  tag: string;
  target: string;
  name: string | null;
  body: string | null;
  draft: boolean;
  prerelease: boolean;
  author: Account;
  createdAt: number;
  assets: Asset[];
}

export interface Repository {
  id: number;
  owner: Account;
  name: string;
  private: boolean;
  description: string | null;
  collaborators: Map<string, Level>;
  sso: boolean;
  oauthAppRestricted: boolean;
  issuesEnabled: boolean;
  archived: boolean;
  defaultBranch: string;
  branches: Map<string, string>;
  commits: Map<string, Commit>;
  issues: Map<number, Issue>;
  labels: Label[];
  milestones: Milestone[];
  releases: Release[];
  createdAt: number;
  updatedAt: number;
  pushedAt: number;
}

export interface Token {
  id: number;
  kind: "gho" | "ghu" | "ghp";
  access: string;
  refresh: string | null;
  user: Account;
  client: Client | null;
  scopes: string[];
  createdAt: number;
  accessExpiresAt: number | null;
  refreshExpiresAt: number | null;
  /** The pair is dead: revoked, rotated or evicted. */
  dead: boolean;
  /** Every pair descended from one authorisation shares it. */
  family: string;
  /** ghu narrowed by repository_id or token/scoped; null is "whatever the installation says". */
  repositoryIds: number[] | null;
  permissions: Record<string, Level> | null;
  /** Tokens of the device flow refresh without the client secret. */
  fromDevice: boolean;
}

export type Actor =
  | { kind: "anonymous" }
  | { kind: "client"; client: Client }
  | { kind: "user"; user: Account; token: Token };
