/**
 * Reads fenced shell as far as the documents use it: words, quotes, pipes and comments.
 */

/** The words of one line, pipes as commands of their own, comments left out. */
export function commandsOf(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const [text, bare, pipe] of line.matchAll(
    /((?:'[^']*'|"[^"]*"|\\.|[^\s'"|#\\]|(?<=\S)#)+)|(\|{1,2}|&&|;)|#.*$/g,
  )) {
    if (pipe !== undefined) commands.push([]);
    else if (bare !== undefined) commands.at(-1)?.push(text.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'));
  }
  return commands.filter((words) => words.length > 0);
}
