// The github.com origin: authorize, token, device. Git joins it later.
import { accessToken } from "./access-token.ts";
import { authorize } from "./authorize.ts";
import { startDevice } from "./device.ts";
import type { Ask, Reply } from "./exchange.ts";
import { htmlReply } from "./exchange.ts";
import type { World } from "./world.ts";

export function serveWeb(world: World, ask: Ask): Reply {
  const answer = routed(world, ask);
  answer.headers.unshift(["Server", "GitHub.com"], ["Date", new Date(world.clock.now()).toUTCString()]);
  return answer;
}

function routed(world: World, ask: Ask): Reply {
  if (ask.path === "/login/oauth/authorize") return authorize(world, ask);
  if (ask.path === "/login/oauth/access_token") return accessToken(world, ask);
  if (ask.path === "/login/device/code" && ask.method === "POST") return startDevice(world, ask);
  return htmlReply(404, "<h1>404</h1><p>This is not the web page you are looking for.</p>");
}
