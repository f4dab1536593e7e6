// The device flow: a code to type, and polling that must keep its distance (github-facts 3.3).

import { normalScopes } from "./authorize.ts";
import type { DeviceCode } from "./codes.ts";
import type { Ask, Reply } from "./exchange.ts";
import { bodyFields, reply } from "./exchange.ts";
import type { Client, Token } from "./model.ts";
import type { OAuthError } from "./oauth-answer.ts";
import { encode, oauthError } from "./oauth-answer.ts";
import type { World } from "./world.ts";

export function startDevice(world: World, ask: Ask): Reply {
  const form = bodyFields(ask);
  const client = world.client(form.get("client_id"));
  if (client === undefined)
    return reply(404, { "Content-Type": "application/json; charset=utf-8" }, JSON.stringify({ error: "Not Found" }));
  if (!client.deviceFlow) {
    return encode(ask, {
      ...oauthError(
        "device_flow_disabled",
        "Device Flow must be explicitly enabled for this App.",
        "#device-flow-disabled",
      ),
    });
  }
  const device = world.codes.startDevice(
    client,
    client.kind === "github-app" ? [] : normalScopes(form.get("scope") ?? ""),
  );
  return encode(ask, {
    device_code: device.deviceCode,
    user_code: device.userCode,
    verification_uri: `${world.origins.web}/login/device`,
    expires_in: 900,
    interval: device.intervalS,
  });
}

export function pollDevice(world: World, client: Client, deviceCode: string): Token | OAuthError {
  const device = world.codes.device(deviceCode, client);
  if (device === undefined || device.outcome === "spent") {
    return oauthError("incorrect_device_code", "The device_code provided is not valid.", "#incorrect-device-code");
  }
  const now = world.clock.now();
  if (device.expiresAt <= now) return oauthError("expired_token", "This 'device_code' has expired.", "#expired-token");
  if (tooSoon(device, now)) {
    device.intervalS += 5;
    return {
      ...oauthError("slow_down", "Too many requests have been made in the same timeframe.", "#slow-down"),
      interval: device.intervalS,
    };
  }
  device.lastPollAt = now;
  if (device.outcome === "pending") {
    return oauthError("authorization_pending", "The authorization request is still pending.", "#authorization-pending");
  }
  if (device.outcome === "denied") {
    return oauthError("access_denied", "The authorization request was denied.", "#access-denied");
  }
  const user = device.outcome;
  device.outcome = "spent";
  return world.tokens.issue({ user, client, scopes: device.scopes, fromDevice: true });
}

function tooSoon(device: DeviceCode, now: number): boolean {
  return device.lastPollAt !== null && now - device.lastPollAt < device.intervalS * 1000;
}
