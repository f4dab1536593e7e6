// The main job, played: an application connects a person once, an agent acts as that person, nobody sees the key.
import type { Account, Connection, CreatedProject, CreatedToken, Execution, Link } from "@behalf/sdk";
import { type Caller, makeCaller } from "./demo-agent.ts";
import { client, type DemoGitHub, person } from "./demo-github.ts";
import { Browser, formOf, redirected } from "./demo-person.ts";
import type { Screen } from "./demo-screen.ts";

export interface Stage {
  readonly screen: Screen;
  readonly origin: string;
  /** The first admin token, as `behalf serve` prints it. */
  readonly adminToken: string;
  readonly github: DemoGitHub;
}

export interface Played {
  readonly application: Caller;
  readonly agent: Caller;
  /** The agent's calls, each as the agent saw it. */
  readonly asked: readonly string[];
  /** What GitHub got from those calls on. */
  readonly from: number;
  readonly issue: number;
}

const identifier = "user_42";
export const repository = `${person.login}/${person.repository}`;

/** Makes the account where it is missing, and a link with which its person connects. */
export async function linkFor(application: Caller, name: string): Promise<string> {
  const path = `/v1/connections/github/accounts/${name}`;
  await application.call<Account>("PUT", path);
  const { link } = await application.call<Link>("POST", `${path}/link`, {});
  return link;
}

export async function play(stage: Stage): Promise<Played> {
  stage.screen.heading("The application, once");
  const { application, link } = await prepare(stage);
  stage.screen.heading(`The person, once: in a browser, as ${person.login}`);
  await connect(stage, link);
  const { screen, github, origin } = stage;
  screen.heading("The agent, from then on: with one gateway token and nothing else");
  const agent = await screen.step("gets a token of its own", async () => {
    const minted = await application.call<CreatedToken>("POST", "/v1/tokens", {
      name: "demo agent",
      scopes: ["tools", "proxy"],
      account: { connection: "github", identifier },
      expires_in: 86_400,
    });
    return { value: makeCaller(origin, minted.token), shows: `${minted.preview}…, bound to ${identifier}, for a day` };
  });
  const from = github.calls.length;
  return { application, agent, from, ...(await act(screen, agent)) };
}

async function prepare({ screen, origin, adminToken, github }: Stage) {
  const application = await screen.step("makes a project", async () => {
    const body = { name: "Demo", environment: "test" };
    const project = await makeCaller(origin, adminToken).call<CreatedProject>("POST", "/v1/projects", body);
    return { value: makeCaller(origin, project.token), shows: project.id };
  });
  await screen.step("makes a connection to GitHub", async () => {
    const made = await application.call<Connection>("POST", "/v1/connections", {
      name: "github",
      preset: "github",
      client_id: client.id,
      client_secret: client.secret,
      verification: "none",
      hosts: { web: github.origin, api: github.origin },
    });
    return { value: made, shows: made.redirect_uri };
  });
  const link = await screen.step("asks for a link for user_42", async () => {
    const made = await linkFor(application, identifier);
    return { value: made, shows: `${made.slice(0, made.lastIndexOf("/") + 7)}…, single use` };
  });
  return { application, link };
}

async function connect({ screen, github }: Stage, link: string): Promise<void> {
  const browser = new Browser();
  const authorize = await screen.step("opens the link", async () => {
    const value = redirected(await browser.open(link));
    const { pathname, searchParams } = new URL(value);
    return {
      value,
      shows: `302 to GitHub, ${pathname}, PKCE ${searchParams.get("code_challenge_method") ?? "missing"}`,
    };
  });
  const callback = await screen.step("says yes at GitHub", async () => {
    const picker = await browser.open(authorize);
    const { action, fields } = formOf(picker.text, person.login);
    const value = redirected(await browser.open(new URL(action, github.origin).href, fields));
    return { value, shows: `302 back to ${new URL(value).pathname}, with a code` };
  });
  await screen.step("comes back", async () => {
    const { status, text } = await browser.open(callback);
    const title = /<h1>(.*?)<\/h1>/.exec(text)?.[1] ?? "no title";
    if (status !== 200) throw new Error(`the page said: ${title} (${status})`);
    return { value: undefined, shows: `page "${title}"` };
  });
}

async function act(screen: Screen, agent: Caller) {
  const asked: string[] = [];
  const [owner, repo] = [person.login, person.repository];
  const run = async <T>(tool: string, input: Record<string, unknown>): Promise<T> => {
    const { data } = await agent.call<Execution>("POST", `/v1/tools/${tool}/execute`, { input });
    asked.push(`tool ${tool}`);
    return data as T;
  };
  await screen.step("lists the repositories", async () => {
    const found = await run<readonly { full_name: string }[]>("github_user_repos_list", {});
    return { value: found, shows: found.map((each) => each.full_name).join(", ") };
  });
  const issue = await screen.step("opens an issue", async () => {
    const input = { owner, repo, title: "Water the tomatoes" };
    const made = await run<{ number: number; title: string }>("github_issue_create", input);
    return { value: made.number, shows: `${repository}#${made.number} ${made.title}` };
  });
  await screen.step("writes a file", async () => {
    const content = Buffer.from("Tomatoes: every evening.\n").toString("base64");
    const input = { owner, repo, path: "WATERING.md", message: "When to water", content };
    const made = await run<{ commit: { sha: string } }>("github_file_create_update", input);
    return { value: made, shows: `WATERING.md, commit ${made.commit.sha.slice(0, 7)}` };
  });
  await screen.step("reads GitHub's raw API", async () => {
    const path = `/proxy/repos/${repository}/issues`;
    const found = await agent.call<readonly { user: { login: string } }[]>("GET", path);
    asked.push(`GET ${path}`);
    return { value: found, shows: `GET ${path}: ${found.length} issue by ${found[0]?.user.login ?? "nobody"}` };
  });
  return { asked, issue };
}
