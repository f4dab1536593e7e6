// What the calls of a token may use up, and against whose count each goes. Pure.

/** An absent member limits nothing. */
export interface Budget {
  readonly requests_per_minute?: number | undefined;
  readonly requests_per_hour?: number | undefined;
  /** Over the whole life of the token. */
  readonly requests?: number | undefined;
  readonly bytes?: number | undefined;
  /** Calls at once. */
  readonly concurrent?: number | undefined;
}

/**
 * A budget and the token whose calls it counts. A token carries its own and those of every token it came from, so that
 * minting children gives nobody more than they hold (design §10.8).
 */
export interface CountedBudget extends Budget {
  readonly token: string;
}

/** Each generation that brings a budget is counted at every call of its children. */
export const budgetsMax = 16;

/** The budgets of a new token: its parent's, and its own where it asks for one. */
export function budgetsOf(
  inherited: readonly CountedBudget[],
  token: string,
  own: Budget | undefined,
): CountedBudget[] {
  const given = Object.entries(own ?? {}).filter(([, value]) => value !== undefined);
  return given.length === 0 ? [...inherited] : [...inherited, { ...(Object.fromEntries(given) as Budget), token }];
}

/** What the token itself was given, as the wire shows it. */
export function ownBudget(budgets: readonly CountedBudget[], token: string): Budget {
  const { token: _, ...own } = budgets.find((budget) => budget.token === token) ?? { token };
  return own;
}
