import { describe, expect, it } from 'vitest';
import { firstSequence, rtpSsrc } from '../../src/media/rtp.ts';
import type { Secret } from '../../src/security/secret.ts';
import { nextSecret, type SessionKeys } from '../../src/security/session-keys.ts';
import { SrtpReceiver, SrtpSender } from '../../src/security/srtp.ts';
import { srtpMaster } from '../../src/security/srtp-keys.ts';
import { type Simulation, simulate } from '../../src/sim/simulate.ts';
import { toHex } from '../codec/bytes.ts';
import { gstreamer, srtpElementsMissing } from '../support/gstreamer.ts';
import { skipBecause } from '../support/skip-because.ts';

/** Over the time of one epoch, 120 s, so that the session takes new keys. */
const FRAMES = 130;
const FRAME_MS = 1000;

/** What srtpdec and srtpenc are told: master key and salt of a media secret. */
function masterOf(secret: Secret): string {
  const { key, salt } = srtpMaster(secret);
  return toHex(key) + toHex(salt);
}

const stream = (kind: string, ssrc: number): string =>
  `application/x-${kind}-stream,media=(string)video,clock-rate=(int)90000,encoding-name=(string)X-GENERIC,payload=(int)97,ssrc=(uint)${ssrc}`;

/** srtpdec with keys by MKI: the epoch, as one byte. */
function srtpdec(plane: 'rtp' | 'rtcp', ssrc: number, keys: readonly string[]): readonly string[] {
  const named = keys.map((key, epoch) => {
    const number = epoch === 0 ? '' : epoch + 1;
    return `srtp-key${number}=(buffer)${key},mki${number}=(buffer)${toHex(Uint8Array.of(epoch))}`;
  });
  const policy = ['srtp', 'srtcp'].map((name) => `${name}-cipher=(string)aes-128-gcm,${name}-auth=(string)null`);
  const caps = [stream(plane === 'rtp' ? 'srtp' : 'srtcp', ssrc), ...policy, 'roc=(uint)0', ...named].join(',');
  return [caps, '!', 'rtpstreamdepay', '!', `d.${plane}_sink`, 'srtpdec', 'name=d', `d.${plane}_src`];
}

/** srtpenc with one key. */
function srtpenc(plane: 'rtp' | 'rtcp', ssrc: number, key: string, epoch: number): readonly string[] {
  const policy = ['rtp', 'rtcp'].flatMap((name) => [`${name}-cipher=aes-128-gcm`, `${name}-auth=null`]);
  const properties = [`key=${key}`, `mki=${toHex(Uint8Array.of(epoch))}`, 'allow-repeat-tx=true', ...policy];
  const element = [`e.${plane}_sink_0`, 'srtpenc', 'name=e', ...properties, `e.${plane}_src_0`];
  return [stream(plane, ssrc), '!', 'rtpstreamdepay', '!', ...element];
}

/** A session that streams long enough to change its keys, over a link that makes the viewer ask for repairs. */
function session(mode: 'psk' | 'keys'): {
  simulation: Simulation;
  keys: SessionKeys;
  media: readonly Uint8Array[];
  nacks: readonly Uint8Array[];
} {
  const simulation = simulate({ seed: 5, security: mode, link: { oneWayMs: 10, loss: 0.1 } });
  const viewer = simulation.join();
  const text = (frame: number): Uint8Array => new TextEncoder().encode(`picture ${frame} `.repeat(120));
  const frames = Array.from({ length: FRAMES }, (_, frame) => ({ units: [text(frame)], keyframe: true }));
  simulation.play(frames, { intervalMs: FRAME_MS });
  simulation.run(FRAMES * FRAME_MS);
  const { keys } = viewer.host.endpoint;
  if (keys === undefined) throw new Error('no keys');
  const sent = (plane: string): readonly Uint8Array[] =>
    simulation.events.flatMap((event) => (event.kind === 'sent' && event.plane === plane ? [event.bytes] : []));
  return { simulation, keys, media: sent('media'), nacks: sent('feedback') };
}

/** Each once, as srtpdec lets it through: what is sent again is the same datagram. */
function once(datagrams: readonly Uint8Array[]): readonly Uint8Array[] {
  const seen = new Set<string>();
  return datagrams.filter((datagram) => {
    const text = toHex(datagram);
    const fresh = !seen.has(text);
    seen.add(text);
    return fresh;
  });
}

describe.each(['psk', 'keys'] as const)('GStreamer and a session in mode %s', (mode) => {
  it('srtpdec decrypts our media with the session’s key and salt, through a change of keys', async (test) => {
    skipBecause(test, srtpElementsMissing);
    const { keys, media } = session(mode);
    const ssrc = rtpSsrc(media[0] ?? new Uint8Array(12));
    const first = keys.fromResponder.media;
    const masters = [masterOf(first), masterOf(nextSecret(first))];
    expect(new Set(media.map((datagram) => datagram.at(-1)))).toEqual(new Set([0, 1]));

    const packets = await gstreamer(srtpdec('rtp', ssrc, masters), media);
    const ours = new SrtpReceiver(first, firstSequence(ssrc), 0);
    expect(packets.map(toHex)).toEqual(once(media).map((datagram) => toHex(ours.open(datagram, 0) as Uint8Array)));
    const shown = Buffer.concat(packets).toString('latin1');
    for (let frame = 0; frame < FRAMES; frame++) expect(shown).toContain(`picture ${frame} `);

    // Without the second key only the first epoch, and with another key nothing.
    const old = await gstreamer(srtpdec('rtp', ssrc, masters.slice(0, 1)), media);
    expect(old.length).toBe(once(media).filter((datagram) => datagram.at(-1) === 0).length);
    const wrong = masterOf(keys.fromInitiator.media);
    expect(await gstreamer(srtpdec('rtp', ssrc, [wrong]), media)).toEqual([]);
  });

  it('srtpdec decrypts our NACKs', async (test) => {
    skipBecause(test, srtpElementsMissing);
    const { keys, nacks } = session(mode);
    expect(nacks.length).toBeGreaterThan(3);
    const ssrc = new DataView(nacks[0]?.buffer ?? new ArrayBuffer(8), nacks[0]?.byteOffset).getUint32(4);
    const first = keys.fromInitiator.media;
    const packets = await gstreamer(srtpdec('rtcp', ssrc, [masterOf(first), masterOf(nextSecret(first))]), nacks);
    const ours = new SrtpReceiver(first, 0, 0);
    expect(packets.map(toHex)).toEqual(nacks.map((datagram) => toHex(ours.openRtcp(datagram, 0) as Uint8Array)));
    expect(packets.every(({ length }) => length >= 12)).toBe(true);
  });

  it('our viewer shows what srtpenc made, and both make the same bytes', async (test) => {
    skipBecause(test, srtpElementsMissing);
    const simulation = simulate({ seed: 8, security: mode, link: { oneWayMs: 10 } });
    const viewer = simulation.join();
    simulation.runUntil(() => viewer.state === 'Streaming', 1000);
    // What the camera sends is lost; GStreamer's will come in its place.
    viewer.host.toViewer.partitioned = true;
    const picture = new TextEncoder().encode('a picture made elsewhere '.repeat(100));
    simulation.play([{ units: [picture], keyframe: true }]);
    simulation.run(100);
    const sent = once(
      simulation.events.flatMap((event) => (event.kind === 'sent' && event.plane === 'media' ? [event.bytes] : [])),
    );
    expect(sent.length).toBeGreaterThan(1);
    const ssrc = rtpSsrc(sent[0] ?? new Uint8Array(12));
    const { keys } = viewer.host.endpoint;
    if (keys === undefined) throw new Error('no keys');
    const opener = new SrtpReceiver(keys.fromResponder.media, firstSequence(ssrc), 0);
    const packets = sent.map((datagram) => opener.open(datagram, 0) as Uint8Array);

    const made = await gstreamer(srtpenc('rtp', ssrc, masterOf(keys.fromResponder.media), 0), packets);
    expect(made.map(toHex)).toEqual(sent.map(toHex));
    expect(viewer.frames).toEqual([]);
    for (const datagram of made) simulation.world.injectToViewer(viewer.host, datagram);
    expect(viewer.frames.map(({ frame }) => Buffer.from(frame.payload).equals(picture))).toEqual([true]);
  });
});

describe('GStreamer’s SRTP', () => {
  const ssrc = 0xcafe_babe;

  it('under a later epoch’s key is opened by its MKI', async (test) => {
    skipBecause(test, srtpElementsMissing);
    const { keys } = session('psk');
    const later = nextSecret(nextSecret(keys.fromResponder.media));
    const packet = Uint8Array.of(0x80, 97, 0, 1, 0, 0, 0, 1, 0xca, 0xfe, 0xba, 0xbe, 1, 2, 3);
    const [datagram = packet] = await gstreamer(srtpenc('rtp', ssrc, masterOf(later), 2), [packet]);
    expect(datagram.length).toBe(packet.length + 17);
    expect(new SrtpReceiver(keys.fromResponder.media, 0, 0).open(datagram, 0)).toEqual(packet);
  });

  it('of RTCP is opened, and only once', async (test) => {
    skipBecause(test, srtpElementsMissing);
    const { keys } = session('psk');
    const secret = keys.fromInitiator.media;
    const nack = Uint8Array.of(0x81, 205, 0, 3, 0xca, 0xfe, 0xba, 0xbe, 0xde, 0xad, 0xbe, 0xef, 0, 5, 0, 1);
    const made = await gstreamer(srtpenc('rtcp', ssrc, masterOf(secret), 0), [nack, nack]);
    const receiver = new SrtpReceiver(secret, 0, 0);
    expect(made.map((datagram) => receiver.openRtcp(datagram, 0))).toEqual([nack, nack]);
    expect(made.map((datagram) => receiver.openRtcp(datagram, 0))).toEqual(['replay', 'replay']);
    // Its index counts from 1, ours from 0: only the numbers differ.
    const ours = new SrtpSender(secret, 0, 0);
    ours.protectRtcp(nack, 0);
    expect(toHex(ours.protectRtcp(nack, 0))).toBe(toHex(made[0] ?? nack));
  });
});
