import type { Writable } from 'node:stream';

/** Bytes of lines that wait for whoever reads them; further lines are left out until there is room. */
const WAITING_BYTES_MAX = 1_048_576;

/** Writes objects as JSON lines, and tells in the next line how many were left out because nobody read. */
export function resultLines(stream: Writable): (line: object) => void {
  let leftOut = 0;
  // A reader that has gone must not end the session.
  stream.on('error', () => {});
  return (line) => {
    if (stream.writableLength > WAITING_BYTES_MAX) {
      leftOut++;
      return;
    }
    stream.write(`${JSON.stringify(leftOut === 0 ? line : { ...line, leftOut })}\n`);
    leftOut = 0;
  };
}
