// GitHub's tools, as values.
import * as input from "./github-input.ts";
import * as output from "./github-output.ts";
import type { Tool } from "./tool.ts";

const { owner, repo, paging, direction } = input;
const repositoryPath = "/repos/{owner}/{repo}";
/** An OAuth App writes with either; a private repository needs `repo`. Reading public things needs no scope. */
const writeScopes = ["repo", "public_repo"] as const;
const repositorySort = input.oneOf(
  ["created", "updated", "pushed", "full_name"],
  "What to sort by. Default full_name.",
);

const read = { provider: "github", method: "GET", scopes: [], changes: false, needsAccount: true } as const;
const write = { provider: "github", query: [], scopes: writeScopes, changes: true, needsAccount: true } as const;

export const githubTools: readonly Tool[] = [
  {
    ...read,
    name: "github_repo_get",
    title: "Get a repository",
    description:
      "Metadata, settings and statistics of one repository. A private repository the account may not see answers not found.",
    path: repositoryPath,
    query: [],
    input: input.inputOf(["owner", "repo"], { owner, repo }),
    output: output.repository,
    permissions: { metadata: "read" },
  },
  {
    ...read,
    name: "github_user_repos_list",
    title: "List my repositories",
    description:
      "The repositories the connected account owns, collaborates on or reaches through an organisation. Answers one page as an array: ask for the next page until fewer than per_page come back.",
    path: "/user/repos",
    query: ["type", "sort", "direction", "per_page", "page"],
    input: input.inputOf([], {
      type: input.oneOf(["all", "owner", "public", "private", "member"], "Which repositories. Default all."),
      sort: repositorySort,
      direction,
      ...paging,
    }),
    output: output.listOf(output.repository),
    permissions: { metadata: "read" },
  },
  {
    ...read,
    name: "github_public_repos_list",
    title: "List a user's public repositories",
    description:
      "The public repositories of any user. Needs no connected account; without one GitHub allows few calls an hour. Answers one page as an array.",
    path: "/users/{username}/repos",
    query: ["type", "sort", "direction", "per_page", "page"],
    input: input.inputOf(["username"], {
      username: input.username,
      type: input.oneOf(["all", "owner", "member"], "Which repositories. Default owner."),
      sort: repositorySort,
      direction,
      ...paging,
    }),
    output: output.listOf(output.repository),
    permissions: { metadata: "read" },
    needsAccount: false,
  },
  {
    ...read,
    name: "github_file_contents_get",
    title: "Read a file or directory",
    description:
      "A file's content as Base64 (decode it, text too) and its `sha`, which an update needs. For a directory an array of entries without content, at most 1,000. The content of a file over 1 MB is not given.",
    path: `${repositoryPath}/contents/{+path}`,
    query: ["ref"],
    input: input.inputOf(["owner", "repo", "path"], {
      owner,
      repo,
      path: input.anyPath,
      ref: input.reference("Branch, tag or commit to read. Default: the default branch."),
    }),
    output: output.contents,
    permissions: { contents: "read" },
  },
  {
    ...write,
    name: "github_file_create_update",
    title: "Create or update a file",
    description:
      "Commits one file. Send content as Base64. Read the file with github_file_contents_get first: to update it, send its current `sha`, else GitHub answers that sha wasn't supplied; a stale sha is a conflict. Write one file after the other, never at once. A path under .github/workflows also needs the permission workflows: write (OAuth scope workflow).",
    method: "PUT",
    path: `${repositoryPath}/contents/{+path}`,
    input: input.inputOf(["owner", "repo", "path", "message", "content"], {
      owner,
      repo,
      path: input.filePath,
      message: input.filledText(65_536, "Commit message."),
      content: input.base64,
      sha: input.sha,
      branch: input.reference("Branch to commit to. Default: the default branch."),
      author: input.person("Author of the commit. Default: the committer."),
      committer: input.person("Committer. Default: the connected account."),
    }),
    output: output.fileCommit,
    permissions: { contents: "write" },
  },
  {
    ...write,
    name: "github_issue_create",
    title: "Create an issue",
    description:
      "Opens an issue and answers its number and html_url. Labels, assignees and milestone need push access to the repository: without it GitHub leaves them out and says nothing.",
    method: "POST",
    path: `${repositoryPath}/issues`,
    input: input.inputOf(["owner", "repo", "title"], {
      owner,
      repo,
      title: input.filledText(1024, "Title."),
      body: input.text(65_536, "Text, in GitHub's Markdown."),
      labels: {
        type: "array",
        maxItems: 100,
        items: input.filledText(255, "Name of a label."),
        description: "Labels to put on it. Needs push access.",
      },
      assignees: {
        type: "array",
        maxItems: 10,
        items: input.filledText(100, "Login of a user."),
        description: "Who is to do it. Needs push access.",
      },
      milestone: { type: "integer", minimum: 1, description: "Number of a milestone. Needs push access." },
      type: input.filledText(255, "Name of an issue type of the organisation. Needs push access."),
    }),
    output: output.issue,
    permissions: { issues: "write" },
  },
  {
    ...read,
    name: "github_issues_list",
    title: "List issues of a repository",
    description:
      "Issues, newest first. GitHub counts pull requests as issues: entries with the member `pull_request` are pull requests, so leave them out when you want issues only. Answers one page as an array.",
    path: `${repositoryPath}/issues`,
    query: ["state", "labels", "assignee", "creator", "milestone", "since", "sort", "direction", "per_page", "page"],
    input: input.inputOf(["owner", "repo"], {
      owner,
      repo,
      state: input.oneOf(["open", "closed", "all"], "Default open."),
      labels: input.filledText(2048, "Names of labels, separated by commas, e.g. `bug,ui`; all must be on the issue."),
      assignee: input.filledText(100, "Login of an assignee, `none` for nobody or `*` for anybody."),
      creator: input.filledText(100, "Login of the user who opened it."),
      milestone: {
        anyOf: [
          { type: "integer", minimum: 1 },
          { type: "string", pattern: "^(?:[1-9][0-9]{0,9}|none|\\*)$" },
        ],
        description: "Number of a milestone, `none` for no milestone or `*` for any.",
      },
      since: {
        ...input.instant,
        description: "Only what changed since then, in ISO 8601, e.g. `2026-01-31T09:30:00Z`.",
      },
      sort: input.oneOf(["created", "updated", "comments"], "What to sort by. Default created."),
      direction,
      ...paging,
    }),
    output: output.listOf(output.issue),
    permissions: { issues: "read" },
  },
  {
    ...write,
    name: "github_pull_request_create",
    title: "Create a pull request",
    description:
      "Asks to merge branch `head` into branch `base`. Push the commits to head first; it needs write access to the head repository. GitHub demands a title. A second pull request for the same pair of branches is refused.",
    method: "POST",
    path: `${repositoryPath}/pulls`,
    input: input.inputOf(["owner", "repo", "head", "base"], {
      owner,
      repo,
      head: input.reference("Branch with the changes; `user:branch` when it is in a fork."),
      base: input.reference("Branch the changes go into."),
      title: input.filledText(1024, "Title."),
      body: input.text(65_536, "Text, in GitHub's Markdown."),
      draft: input.flag("Whether it is a draft. Default false."),
      maintainer_can_modify: input.flag("Whether maintainers of the base repository may push to the head branch."),
    }),
    output: output.pullRequest,
    permissions: { pull_requests: "write" },
  },
  {
    ...read,
    name: "github_pull_requests_list",
    title: "List pull requests of a repository",
    description: "Pull requests, newest first. Answers one page as an array.",
    path: `${repositoryPath}/pulls`,
    query: ["state", "head", "base", "sort", "direction", "per_page", "page"],
    input: input.inputOf(["owner", "repo"], {
      owner,
      repo,
      state: input.oneOf(["open", "closed", "all"], "Default open."),
      head: input.reference("Only from this branch, as `user:ref` or `organisation:ref`."),
      base: input.reference("Only into this branch, e.g. `main`."),
      sort: input.oneOf(["created", "updated", "popularity", "long-running"], "What to sort by. Default created."),
      direction,
      ...paging,
    }),
    output: output.listOf(output.pullRequest),
    permissions: { pull_requests: "read" },
  },
];
