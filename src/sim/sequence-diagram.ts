import { decodeFrame } from '../codec/decode.ts';
import { errorCodeName } from '../protocol/error-code.ts';
import { type Frame, frameTypeName } from '../protocol/frame.ts';
import type { TappedDatagram, WorldEvent } from './world-event.ts';

/** What to draw, and how much of it. */
export interface DiagramOptions {
  /** Only what concerns this viewer and the camera; default all. */
  readonly viewer?: number;
  /** Arrows and notes at most; default 120. What is left out is told. */
  readonly linesMax?: number;
}

interface Arrow {
  readonly key: string;
  readonly text: string;
  readonly arrow: '->>' | '-x' | '-->>' | '--x';
  readonly from: string;
  readonly to: string;
  count: number;
}

/**
 * What happened in a world as a Mermaid `sequenceDiagram`: an arrow for each datagram, with the time when it was sent and when it
 * arrived or why it did not, and a note for what hosts were told and what befell them. Media of one way in a row is one arrow.
 * GitHub, GitLab and the Mermaid command draw it.
 *
 * @param events as a {@link Recorder} keeps them.
 */
export function sequenceDiagram(events: readonly WorldEvent[], options: DiagramOptions = {}): string {
  const linesMax = options.linesMax ?? 120;
  const fates = fatesOf(events);
  const lines: (Arrow | string)[] = [];
  let left = 0;
  for (const event of events) {
    if (options.viewer !== undefined && !concerns(event, options.viewer)) continue;
    const next = event.kind === 'sent' ? arrowOf(event, fates.get(event.id)) : noteOf(event);
    if (next === undefined) continue;
    const last = lines.at(-1);
    if (typeof next !== 'string' && typeof last === 'object' && last.key !== '' && last.key === next.key) last.count++;
    else if (lines.length < linesMax) lines.push(next);
    else left++;
  }
  const body = lines.map((line) => (typeof line === 'string' ? line : arrowText(line)));
  if (left > 0) body.push(`Note over C: ${left} more left out`);
  return ['sequenceDiagram', ...participants(events, options.viewer), ...body]
    .map((line, at) => (at === 0 ? line : `  ${line}`))
    .join('\n')
    .concat('\n');
}

interface Fate {
  readonly arrivedAtMs: number[];
  lost: string | undefined;
}

function fatesOf(events: readonly WorldEvent[]): Map<number, Fate> {
  const fates = new Map<number, Fate>();
  for (const event of events) {
    if (event.kind === 'sent') fates.set(event.id, { arrivedAtMs: [], lost: undefined });
    else if (event.kind === 'arrived') fates.get(event.id)?.arrivedAtMs.push(event.atMs);
    else if (event.kind === 'lost') {
      const fate = fates.get(event.id);
      if (fate !== undefined) fate.lost = event.reason;
    }
  }
  return fates;
}

function concerns(event: WorldEvent, viewer: number): boolean {
  if (event.kind === 'sent') return viewerOf(event) === viewer;
  return !('host' in event) || event.host === 'camera' || event.host === viewer;
}

/** Viewers have addresses by their number; see {@link World.addViewer}. */
function viewerOf({ from, to }: TappedDatagram): number | undefined {
  const address = from.address.startsWith('10.1.') ? from.address : to.address;
  const [, , high, low] = address.split('.').map(Number);
  return address.startsWith('10.1.') ? 256 * (high ?? 0) + (low ?? 0) : undefined;
}

function participants(events: readonly WorldEvent[], only: number | undefined): string[] {
  const viewers = new Set<number>();
  let strangers = false;
  for (const event of events) {
    if ('host' in event && event.host !== 'camera') viewers.add(event.host);
    if (event.kind !== 'sent') continue;
    const viewer = viewerOf(event);
    if (viewer !== undefined) viewers.add(viewer);
    if (event.plane === 'stranger' || viewer === undefined) strangers = true;
  }
  const shown = [...viewers].filter((viewer) => only === undefined || viewer === only).sort((a, b) => a - b);
  return [
    ...shown.map((viewer) => `participant V${viewer} as viewer ${viewer}`),
    'participant C as camera',
    ...(strangers ? ['participant X as stranger'] : []),
  ];
}

function arrowOf(sent: TappedDatagram, fate: Fate | undefined): Arrow {
  const viewer = viewerOf(sent);
  const fromCamera = sent.from.address === '10.0.0.1';
  const from = sent.plane === 'stranger' ? 'X' : fromCamera ? 'C' : `V${viewer}`;
  const to = fromCamera ? (viewer === undefined ? 'X' : `V${viewer}`) : 'C';
  const arrived = fate !== undefined && fate.arrivedAtMs.length > 0;
  const media = sent.plane === 'media' || sent.plane === 'feedback';
  const arrow = `${media ? '--' : '-'}${arrived ? '>>' : 'x'}` as Arrow['arrow'];
  const what = media ? (sent.plane === 'media' ? 'RTP' : 'NACK') : frameText(sent.bytes);
  return {
    key: media ? `${from}${arrow}${to}` : '',
    text: `${what} ${fateText(sent.atMs, fate)}`,
    arrow,
    from,
    to,
    count: 1,
  };
}

function arrowText({ from, arrow, to, text, count }: Arrow): string {
  return `${from}${arrow}${to}: ${count === 1 ? text : `${text}, and ${count - 1} more`}`;
}

function frameText(bytes: Uint8Array): string {
  const decoded = decodeFrame(bytes);
  if (!decoded.ok && decoded.reason === 'secured') return `${frameTypeName(bytes[2] ?? 0) ?? 'unknown'} secured`;
  if (!decoded.ok) return `${bytes.length} bytes, ${decoded.reason}`;
  const { frame } = decoded;
  const attempt = frame.attempt === 0 ? '' : ` ${frame.attempt}`;
  return `${frameTypeName(frame.type) ?? 'unknown'}${attempt}${codeText(frame)}`;
}

function codeText(frame: Frame): string {
  return 'errorCode' in frame ? ` ${errorCodeName(frame.errorCode)}` : '';
}

function fateText(atMs: number, fate: Fate | undefined): string {
  const sent = msText(atMs);
  if (fate === undefined || (fate.arrivedAtMs.length === 0 && fate.lost === undefined)) return `${sent}, on the way`;
  if (fate.arrivedAtMs.length === 0) return `${sent}, lost (${fate.lost})`;
  return `${sent} → ${fate.arrivedAtMs.map(msText).join(' and ')}`;
}

function noteOf(event: WorldEvent): string | undefined {
  if (event.kind === 'fault') return `Note over ${nameOf(event.host)}: ${msText(event.atMs)} ${event.fault}`;
  if (event.kind === 'asked') {
    if (event.input.kind !== 'start' && event.input.kind !== 'close') return undefined;
    return `Note over ${nameOf(event.host)}: ${msText(event.atMs)} the application says ${event.input.kind}`;
  }
  if (event.kind !== 'told') return undefined;
  const { output } = event;
  const at = `Note over ${nameOf(event.host)}: ${msText(event.atMs)}`;
  switch (output.kind) {
    case 'streaming':
      return `${at} Streaming`;
    case 'firstMedia':
      return `${at} first media`;
    case 'firstFrame':
      return `${at} first frame`;
    case 'closed':
      return `${at} Closed(${errorCodeName(output.code)})`;
    default:
      return undefined;
  }
}

function nameOf(host: 'camera' | number): string {
  return host === 'camera' ? 'C' : `V${host}`;
}

function msText(ms: number): string {
  return ms.toFixed(1);
}
