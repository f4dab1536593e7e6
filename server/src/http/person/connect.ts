// The pages of connecting: open a link, come back from the provider. The proof is the browser's own cookie.
import { type Context, Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { completeAuthorization } from "../../flows/complete-authorization.ts";
import type { House } from "../../flows/house.ts";
import { mayOpenLink, openLink } from "../../flows/open-link.ts";
import { recheckInstallations } from "../../flows/recheck-installations.ts";
import { viewOf } from "../../flows/steps/addressed.ts";
import { connectedPage } from "../../pages/connected.ts";
import { failedPage } from "../../pages/failed.ts";
import type { Html } from "../../pages/layout.ts";
import { linkLifeMs } from "../../rules/account.ts";
import { parseId } from "../../rules/ids.ts";
import { Refusal } from "../../rules/refusal.ts";
import { newOccasion, refusalOf } from "../problem.ts";
import { personHeaders } from "./headers.ts";

interface Connected {
  readonly connection: Parameters<typeof viewOf>[1];
  readonly account: Parameters<typeof viewOf>[2];
  readonly returnUrl: string | null;
}

type Handler = (context: Context) => Promise<Response>;

export function mountConnect(house: House): Hono {
  const app = new Hono({ strict: true });
  app.get("/connect/:link", shown(house, opening(house)));
  app.get("/connect/installed/:attempt", shown(house, rechecking(house)));
  app.get("/oauth/callback", shown(house, returning(house)));
  app.get("/oauth/callback/:connection", shown(house, returning(house)));
  return app;
}

function opening(house: House): Handler {
  const { isSecure, name } = cookieOf(house);
  return async (context) => {
    const plain = context.req.param("link") ?? "";
    // A mail scanner's HEAD learns whether the link is good and starts nothing (design §10.13).
    if (context.req.method === "HEAD") {
      return new Response(null, { status: (await mayOpenLink(house, plain)) ? 200 : 410 });
    }
    const { location, browser } = await openLink(house, { plain, browser: browserOf(house, context) });
    const age = { maxAge: cookieSeconds, path: "/" };
    setCookie(context, name, browser, { httpOnly: true, sameSite: "Lax", secure: isSecure, ...age });
    return context.redirect(location, 302);
  };
}

function returning(house: House): Handler {
  return async (context) => {
    // Asking for the head of a page finishes nothing.
    if (context.req.method === "HEAD") return new Response(null, { status: 200 });
    const completed = await completeAuthorization(house, {
      query: new URL(context.req.url).searchParams,
      browser: browserOf(house, context),
      connectionId: context.req.param("connection"),
    });
    if (completed.kind === "verify") return context.redirect(completed.location, 302);
    return connected(house, context, { ...completed, again: `/connect/installed/${completed.attempt.id}` });
  };
}

function rechecking(house: House): Handler {
  return async (context) => {
    const attempt = parseId("attempt", context.req.param("attempt") ?? "");
    if (attempt === undefined) throw noSuchPage();
    const found = await recheckInstallations(house, { attempt, browser: browserOf(house, context) });
    return connected(house, context, { ...found, again: `/connect/installed/${attempt}` });
  };
}

function noSuchPage(): Refusal {
  return new Refusal("link_spent", {
    detail: "There is no such page.",
    next: { action: "new_link", detail: "Go back to the application that sent you here and start again." },
  });
}

const cookieSeconds = 2 * 3600;

function cookieOf({ origin }: House): { readonly isSecure: boolean; readonly name: string } {
  const isSecure = origin.startsWith("https:");
  return { isSecure, name: isSecure ? "__Host-behalf_browser" : "behalf_browser" };
}

function browserOf(house: House, context: Context): string | undefined {
  const value = getCookie(context, cookieOf(house).name);
  return value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
}

/** Runs a handler and shows a person what went wrong instead of a problem document. */
function shown(house: House, handler: Handler): Handler {
  return async (context) => {
    const occasion = newOccasion(house);
    try {
      return await handler(context);
    } catch (error) {
      const refusal = refusalOf(error, occasion);
      const minutes = linkLifeMs / 60_000;
      const body = failedPage({
        code: refusal.code,
        detail: refusal.context.detail ?? "It could not be finished.",
        next:
          refusal.context.next?.detail ??
          `Go back to the application that sent you here and start again. A link works for ${minutes} minutes.`,
        requestId: occasion.requestId,
      });
      return htmlResponse(house, body, refusal.status);
    }
  };
}

async function connected(
  house: House,
  context: Context,
  found: Connected & { readonly again: string },
): Promise<Response> {
  const { connection, account, returnUrl } = found;
  const view = await viewOf(house, connection, account);
  const mustInstall = view.installations?.length === 0;
  if (returnUrl !== null && !mustInstall) return context.redirect(returnUrl, 302);
  const preset = house.presets.find((known) => known.name === connection.preset);
  const provider = preset?.kind === "github" ? "GitHub" : connection.name;
  const page = connectedPage({
    provider,
    login: view.provider_user?.login ?? view.provider_user?.name ?? null,
    installations: view.installations,
    installUrl: view.install_url,
    checkAgainUrl: found.again,
    returnUrl,
  });
  return htmlResponse(house, page, 200);
}

async function htmlResponse(house: House, body: Html, status: number): Promise<Response> {
  return new Response(String(await body), {
    status,
    headers: { ...personHeaders(house.origin), "content-type": "text/html; charset=utf-8" },
  });
}
