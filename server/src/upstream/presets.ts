// The providers we know, as data: adding one adds a row and no code.
import { atlassian } from "./presets/atlassian.ts";
import { discord } from "./presets/discord.ts";
import { generic } from "./presets/generic.ts";
import { github, githubApp, githubPat } from "./presets/github.ts";
import { gitlab } from "./presets/gitlab.ts";
import { google } from "./presets/google.ts";
import { linear } from "./presets/linear.ts";
import { microsoft } from "./presets/microsoft.ts";
import { notion } from "./presets/notion.ts";
import type { Preset } from "./presets/preset.ts";
import { slack } from "./presets/slack.ts";

export type { Preset } from "./presets/preset.ts";

export const presets: readonly Preset[] = [
  github,
  githubApp,
  google,
  slack,
  notion,
  microsoft,
  discord,
  gitlab,
  linear,
  atlassian,
  generic,
  githubPat,
];

export function presetNamed(name: string): Preset | undefined {
  return presets.find((preset) => preset.name === name);
}
