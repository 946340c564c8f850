// The recorded adapter: says its hello, then answers each kind of frame with what it answered in the recording, and ends as it did.
import { LengthPrefixReader, withPrefix } from '../../dist/src/neighbours/core/framing.js';

const { frames, code } = JSON.parse(process.argv[2] ?? '{}');
const answers = [...frames];
/** @param {object} frame */
const say = (frame) => process.stdout.write(withPrefix(new TextEncoder().encode(JSON.stringify(frame))));
/**
 * The next recorded frame of a kind, with the id that is asked for now.
 *
 * @param {string[]} kinds
 * @param {unknown} [id]
 */
const answer = (kinds, id) => {
  const at = answers.findIndex(({ type }) => kinds.includes(type));
  if (at < 0) return;
  const [frame] = answers.splice(at, 1);
  say('request_id' in frame && frame.request_id !== null ? { ...frame, request_id: id } : frame);
};

answer(['hello']);
if (answers[0]?.request_id === null && answers[0].type === 'error') {
  answer(['error']);
  process.stdout.end(() => process.exit(code));
}
const reader = new LengthPrefixReader();
process.stdin.on('data', (chunk) => {
  reader.read(chunk, (body) => {
    const { type, request_id: id } = JSON.parse(new TextDecoder().decode(body));
    if (type === 'ping') answer(['pong'], id);
    if (type === 'call') answer(['result', 'error'], id);
    if (type !== 'shutdown') return true;
    say({ type: 'shutdown', timestamp_ms: 1, status: 'OK' });
    process.stdout.end(() => process.exit(code));
    return false;
  });
});
process.stdin.on('end', () => process.exit(code));
