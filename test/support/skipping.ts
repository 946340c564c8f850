/** Ends a test as skipped, with a line that says why, if there is a reason. */
export function skipIf(
  reason: string | undefined,
  what: string,
  { skip }: { readonly skip: (note: string) => void },
): void {
  if (reason === undefined) return;
  process.stderr.write(`skipped: ${what}: ${reason}\n`);
  skip(reason);
}
