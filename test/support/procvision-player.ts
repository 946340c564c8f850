import { type ChildProcess, spawn } from 'node:child_process';
import { LengthPrefixReader, withPrefix } from '../../src/neighbours/core/framing.ts';
import type { JsonObject } from '../../src/neighbours/procvision/core/codec.ts';
import { fromHex } from '../codec/bytes.ts';
import { bytesOf } from './heard.ts';
import { type ProcvisionMessage, type ProcvisionStep, procvisionVectors } from './procvision-vectors.ts';

/** A conversation with a program over its pipes, as a scenario tells it. */
export class ProcvisionPlayer {
  readonly child: ChildProcess;
  /** Frames that came. */
  readonly frames: JsonObject[] = [];
  /** When each of them came, in ms since the last thing that was sent. */
  readonly afterMs: number[] = [];
  readonly exit: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  errors = '';
  #sentAt = performance.now();
  #wake: () => void = () => {};
  #over = false;

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(command, args, { stdio: 'pipe', detached: true, env: { ...process.env, ...env } });
    const reader = new LengthPrefixReader();
    this.child.stdin?.on('error', () => {});
    this.child.stderr?.on('data', (chunk) => {
      this.errors += String(chunk);
    });
    this.child.stdout?.on('data', (chunk: Uint8Array) => {
      reader.read(chunk, (body) => {
        this.frames.push(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as JsonObject);
        this.afterMs.push(performance.now() - this.#sentAt);
        return true;
      });
      this.#wake();
    });
    this.exit = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        this.#over = true;
        this.#wake();
        resolve({ code, signal });
      });
    });
  }

  /** Does the steps, each when its time has come. */
  async play(steps: readonly ProcvisionStep[]): Promise<void> {
    for (const step of steps) {
      const { after_frames: count = 0, after_ms: waitMs = 0, send = [], one_write: oneWrite = false } = step;
      await this.heard(count);
      if (waitMs > 0) {
        await new Promise((resolve) => {
          setTimeout(resolve, waitMs);
        });
      }
      const pieces = send.map(bytesOfMessage);
      this.#sentAt = performance.now();
      if (oneWrite) this.child.stdin?.write(Buffer.concat(pieces));
      else for (const piece of pieces) this.child.stdin?.write(piece);
      if (step.close_input === true) this.child.stdin?.end();
    }
  }

  /** Waits until so many frames have come, or no more will. */
  async heard(count: number): Promise<void> {
    while (this.frames.length < count && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A message of a scenario as it stands on the wire. */
export function bytesOfMessage({ json, hex, vector }: ProcvisionMessage): Uint8Array {
  if (json !== undefined) return withPrefix(bytesOf(json));
  return fromHex(hex ?? procvisionVectors.find(({ name }) => name === vector)?.hex ?? '');
}
