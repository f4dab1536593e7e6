// Finds a use of the network inside a transaction: it would hold the database while somebody else's server thinks.

/** The same text with comments and the insides of strings blanked, so that only code is searched. */
export function codeOnly(text: string): string {
  const quiet = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;
  return text.replaceAll(quiet, (found) => found.replaceAll(/[^\n]/g, " "));
}

/** From an opening bracket to the one that closes it. */
function bracketed(code: string, open: number): string {
  let depth = 0;
  for (let at = open; at < code.length; at += 1) {
    if (code[at] === "(") depth += 1;
    if (code[at] === ")") depth -= 1;
    if (depth === 0) return code.slice(open, at + 1);
  }
  return code.slice(open);
}

const starts = /(?:\binOneStep|\.change|\.transaction\(\)\s*\.execute)(?:<[^(]*>)?\(/g;
const network = /\b(?:(?:upstream|oauth|transport)\s*[.([]|(?:fetch|forward|lend|sleep)\s*\()/;

/** Lines (from 1) at which a transaction begins that uses the network. */
export function networkInTransactions(text: string): readonly number[] {
  const code = codeOnly(text);
  return [...code.matchAll(starts)]
    .filter((start) => network.test(bracketed(code, start.index + start[0].length - 1)))
    .map((start) => code.slice(0, start.index).split("\n").length);
}
