import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The bundled clip: 150 frames in 6 s, a keyframe each 50 frames. */
export const clipPath: string = fileURLToPath(new URL('../../bench/clips/mandelbrot.h264', import.meta.url));
/** Its frames. */
export const CLIP_FRAMES = 150;

/** Its bytes. */
export function clipBytes(): Buffer {
  return readFileSync(clipPath);
}
