import { execFile, execFileSync } from 'node:child_process';

const WAIT_MS = 60_000;

/** Why tests that need GStreamer's SRTP elements cannot run here; `undefined` when they can. */
export const srtpElementsMissing: string | undefined = findReason();

/** Runs a pipeline to its end with datagrams at its beginning, each behind its length (RFC 4571), and gives those at its end. */
export async function gstreamer(
  pipeline: readonly string[],
  input: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const parts = ['-q', 'fdsrc', 'fd=0', '!', ...pipeline, '!', 'rtpstreampay', '!', 'fdsink', 'fd=1'];
  const output = await new Promise<Buffer>((resolve, reject) => {
    const options = { encoding: 'buffer', maxBuffer: 1 << 26, timeout: WAIT_MS } as const;
    const child = execFile('gst-launch-1.0', parts, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`gst-launch-1.0: ${error.message}\n${String(stderr)}`));
    });
    child.stdin?.end(Buffer.concat(input.flatMap((datagram) => [lengthOf(datagram), datagram])));
  });
  const datagrams: Uint8Array[] = [];
  for (let at = 0; at < output.length; ) {
    const end = at + 2 + output.readUInt16BE(at);
    datagrams.push(new Uint8Array(output.subarray(at + 2, end)));
    at = end;
  }
  return datagrams;
}

function lengthOf({ length }: Uint8Array): Uint8Array {
  return Uint8Array.of(length >> 8, length & 0xff);
}

function findReason(): string | undefined {
  for (const element of ['srtpdec', 'srtpenc', 'rtpstreamdepay', 'fdsrc']) {
    try {
      const shown = execFileSync('gst-inspect-1.0', [element], { encoding: 'utf8', timeout: WAIT_MS, stdio: 'pipe' });
      if (element !== 'srtpenc') continue;
      if (!shown.includes('aes-128-gcm')) return 'srtpenc has no aes-128-gcm';
      if (!/^\s+mki\s/m.test(shown)) return 'srtpenc has no MKI (GStreamer below 1.16)';
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
        return 'gst-inspect-1.0 is not installed';
      return `GStreamer has no ${element} (Debian: gstreamer1.0-plugins-bad, -good)`;
    }
  }
  return undefined;
}
