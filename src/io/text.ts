const encoder = new TextEncoder();

/** Words for a frame's REASON: at most 64 bytes of UTF-8, cut between characters. */
export function reasonText(text: string): string {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += encoder.encode(character).length;
    if (bytes > 64) break;
    kept += character;
  }
  return kept;
}
