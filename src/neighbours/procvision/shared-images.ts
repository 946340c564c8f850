import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeNpy, encodeNpy, IMAGE_BYTES_MAX, type RgbImage, swapRedAndBlue } from './core/npy.ts';
import { checkPicture, type EncodedImage } from './core/picture.ts';

/** Bytes of all images that a runner has handed over at the same time, at most: 256 MiB. */
export const SHARED_BYTES_MAX = 4 * IMAGE_BYTES_MAX;

/** Where the reference adapter looks for images when nothing else is said. */
export function sharedImageFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env['PROC_SHM_DIR'] ?? join(tmpdir(), 'procvision_dev_shm');
}

const open = new Set<SharedImages>();

/** Whoever leaves without waiting takes back what it handed over. */
function disposeAll(): void {
  for (const images of open) images[Symbol.dispose]();
}

/** The file of an image, without its extension: all but letters, digits, `.`, `_` and `-` become `_`. */
function fileOf(folder: string, id: string): string {
  return join(folder, id.replaceAll(/[^a-zA-Z0-9._-]/g, '_'));
}

/**
 * Images that a runner hands over: NumPy files (`ID.npy`), or picture files as they are (`ID.bin`), in a folder of their own, which the algorithm finds by `PROC_SHM_DIR`. The folder lies in
 * memory where there is `/dev/shm`, is open to nobody else, and is gone after `close`.
 */
export class SharedImages implements Disposable {
  readonly folder: string;
  /** The folder, unless it is somebody else's. */
  readonly ownFolder: string | undefined;
  readonly #files = new Map<string, { readonly path: string; readonly bytes: number }>();
  #bytesNow = 0;

  /** @param folder where somebody else hands over images too; it stays. */
  constructor(folder?: string) {
    this.folder = folder ?? mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'procvision-'));
    this.ownFolder = folder === undefined ? this.folder : undefined;
    mkdirSync(this.folder, { recursive: true });
    if (open.size === 0) process.on('exit', disposeAll);
    open.add(this);
  }

  /** Images that are there. */
  get size(): number {
    return this.#files.size;
  }

  /**
   * Hands an image over. The file appears whole or not at all.
   *
   * Throws RangeError for an image that is none.
   *
   * @returns false when too much is handed over already.
   */
  put(id: string, image: RgbImage | EncodedImage): boolean {
    const isPicture = 'encoded' in image;
    const bytes = isPicture ? checkPicture(image) : encodeNpy(image);
    this.take(id);
    if (this.#bytesNow + bytes.length > SHARED_BYTES_MAX) return false;
    const file = fileOf(this.folder, id);
    const path = `${file}.${isPicture ? 'bin' : 'npy'}`;
    writeFileSync(`${file}.part`, bytes, { mode: 0o600 });
    renameSync(`${file}.part`, path);
    this.#files.set(id, { path, bytes: bytes.length });
    this.#bytesNow += bytes.length;
    return true;
  }

  /** Takes an image back. */
  take(id: string): void {
    const file = this.#files.get(id);
    if (file === undefined) return;
    this.#files.delete(id);
    this.#bytesNow -= file.bytes;
    rmSync(file.path, { force: true });
  }

  [Symbol.dispose](): void {
    open.delete(this);
    if (open.size === 0) process.off('exit', disposeAll);
    for (const id of [...this.#files.keys()]) this.take(id);
    if (this.ownFolder !== undefined) rmSync(this.ownFolder, { recursive: true, force: true });
  }
}

/** An image that a runner handed over: pixels, or a picture file (JPEG, PNG) as it is. */
export type SharedImage =
  | ({ readonly kind: 'pixels' } & RgbImage)
  | { readonly kind: 'encoded'; readonly bytes: Uint8Array };

/**
 * Reads an image that a runner handed over. `undefined` when there is none; the reference adapter makes a black one then.
 *
 * @param colorSpace as its description says; red and blue of BGR change places, as in the reference adapter.
 */
export function readSharedImage(
  id: string,
  colorSpace: unknown = 'RGB',
  folder: string = sharedImageFolder(),
): SharedImage | undefined {
  const file = fileOf(folder, id);
  const pixels = readBounded(`${file}.npy`);
  const image = pixels === undefined ? undefined : decodeNpy(pixels);
  if (image !== undefined) {
    const isBgr = typeof colorSpace === 'string' && colorSpace.toUpperCase() === 'BGR';
    return { kind: 'pixels', ...image, data: isBgr ? swapRedAndBlue(image.data) : image.data };
  }
  const bytes = readBounded(`${file}.bin`);
  return bytes === undefined ? undefined : { kind: 'encoded', bytes };
}

function readBounded(path: string): Uint8Array | undefined {
  try {
    return statSync(path).size > IMAGE_BYTES_MAX + 4096 ? undefined : readFileSync(path);
  } catch {
    return undefined;
  }
}
