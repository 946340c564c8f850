import { promises } from 'node:fs';
import type { AccessUnitNals } from '../../media/access-unit-assembler.ts';
import { AccessUnitReader } from './access-unit-reader.ts';
import { SourceError } from './source-error.ts';

const CHUNK_BYTES = 64 * 1024;
/** How far into a file a keyframe is looked for. */
const PROBE_BYTES_MAX = 16 * 1024 * 1024;

/** What a file begins with that holds H.264, but not as a byte stream. */
const CONTAINERS: readonly { readonly name: string; readonly offset: number; readonly magic: readonly number[] }[] = [
  { name: 'an MP4 or MOV file', offset: 4, magic: [0x66, 0x74, 0x79, 0x70] },
  { name: 'a Matroska or WebM file', offset: 0, magic: [0x1a, 0x45, 0xdf, 0xa3] },
  { name: 'an AVI file', offset: 0, magic: [0x52, 0x49, 0x46, 0x46] },
  { name: 'an FLV file', offset: 0, magic: [0x46, 0x4c, 0x56] },
  { name: 'an MPEG transport stream', offset: 188, magic: [0x47] },
];

/** An open Annex B file, read piece by piece as its access units are asked for. */
export class AnnexBFile {
  readonly path: string;
  readonly reader = new AccessUnitReader();
  readonly #file: promises.FileHandle;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);

  private constructor(path: string, file: promises.FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** Rejects with {@link SourceError} if there is no such file. */
  static async open(path: string): Promise<AnnexBFile> {
    const file = await promises.open(path).catch((error: NodeJS.ErrnoException) => {
      throw new SourceError(`cannot read ${path}: ${reasonOf(error)}`, hintOf(error), { cause: error });
    });
    const stat = await file.stat();
    if (stat.isFile()) return new AnnexBFile(path, file);
    await file.close();
    const hint = stat.isDirectory()
      ? 'give a file in it'
      : 'pipe it in with - or exec: instead, since it cannot be read twice';
    throw new SourceError(`${path} is ${stat.isDirectory() ? 'a directory' : 'no plain file'}`, hint);
  }

  /**
   * The access units from the first keyframe on; what stands before it cannot be decoded. With `loop` the file is read again
   * and again. Throws {@link SourceError} when it has no keyframe within its first 16 MiB.
   */
  async *units(loop: boolean): AsyncGenerator<AccessUnitNals, void, undefined> {
    do {
      let keyframe = false;
      for await (const unit of this.#once()) {
        keyframe ||= unit.keyframe;
        if (keyframe) yield unit;
      }
      if (!keyframe) throw this.#noStream();
    } while (loop);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async *#once(): AsyncGenerator<AccessUnitNals, void, undefined> {
    let position = 0;
    let found = false;
    for (;;) {
      const { bytesRead } = await this.#file.read(this.#chunk, 0, CHUNK_BYTES, position);
      if (position === 0) this.#refuseContainer(this.#chunk.subarray(0, bytesRead));
      if (bytesRead === 0) break;
      position += bytesRead;
      for (const unit of this.reader.push(this.#chunk.subarray(0, bytesRead))) {
        found ||= unit.keyframe;
        yield unit;
      }
      if (!found && position > PROBE_BYTES_MAX) throw this.#noStream();
    }
    yield* this.reader.end();
  }

  #refuseContainer(head: Uint8Array): void {
    const container = CONTAINERS.find(({ offset, magic }) =>
      magic.every((byte, index) => head[offset + index] === byte && (offset !== 188 || head[0] === byte)),
    );
    if (container === undefined) return;
    throw new SourceError(
      `${this.path} is ${container.name}, not a raw H.264 stream`,
      `take the stream out of it with: ffmpeg -i ${this.path} -an -c:v copy -bsf:v h264_mp4toannexb -f h264 clip.h264`,
    );
  }

  #noStream(): SourceError {
    const missing = this.reader.parameterSets.length === 0 ? 'no H.264' : 'no keyframe';
    return new SourceError(
      `${this.path} has ${missing} in it`,
      `see with "ffprobe ${this.path}" what it is, or make one with: ffmpeg -i input -an -c:v libx264 -f h264 clip.h264`,
    );
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'there is no such file';
  return error.code === 'EACCES' ? 'permission denied' : error.message;
}

function hintOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return `check the path; it is relative to ${process.cwd()}`;
  return error.code === 'EACCES' ? 'check who may read it (ls -l)' : 'check the path';
}
