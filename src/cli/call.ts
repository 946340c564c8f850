import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { ExchangeAnswer } from '../io/caller.ts';
import { initiate } from '../io/initiate.ts';
import { plainText } from '../observe/text.ts';
import { EXCHANGE_MS } from '../protocol/constants.ts';
import { endpointOptions, observe } from './endpoint-options.ts';
import { ExitCode, errorText, exitCodeOf } from './exit-code.ts';
import { tellFailed } from './failed-event.ts';
import { interruptible } from './interrupt.ts';
import { type CommonOptions, duration, withCommonOptions } from './options.ts';
import { commandOutput, complain, type Output } from './output.ts';
import { withPeerKey } from './security-options.ts';

interface CallOptions extends CommonOptions {
  readonly timeout?: number;
  readonly peerKey?: Uint8Array;
}

/** `firstframe call`. */
export function callCommand(finish: (exitCode: number) => void): Command {
  const command = new Command('call')
    .description('Asks a camera for one of its methods over a session, and prints the answer.')
    .argument('<target>', 'host[:port][/stream], such as 127.0.0.1:4444/door')
    .argument('<method>', 'keyframe, bitrate, stats, stop, or one that the camera adds')
    .argument('[body]', 'what goes with it, a text or JSON; - reads stdin')
    .option('--timeout <time>', 'give the handshake up after, and the answer, 30s at most', duration);
  withPeerKey(command);
  return withCommonOptions(command).action(
    async (target: string, method: string, body: string | undefined, options: CallOptions) => {
      const output = commandOutput({ json: options.json === true, stdoutTaken: false });
      using interrupt = interruptible(() => {});
      await using observation = await observe(options);
      const { timeout } = options;
      const endpoint = endpointOptions(options);
      try {
        await using stream = await initiate(target, {
          ...endpoint,
          ...(timeout === undefined ? {} : { timeoutMs: timeout }),
          signal: interrupt.signal,
          logger: observation.log,
        });
        const answer = await stream.call(method, body === '-' ? readFileSync(0) : body, {
          timeoutMs: Math.min(timeout ?? EXCHANGE_MS, EXCHANGE_MS),
          signal: interrupt.signal,
        });
        tellAnswer(method, answer, output);
        finish(answer.status === 0 ? ExitCode.ok : ExitCode.failed);
      } catch (error) {
        if (interrupt.exitCode !== 0) return finish(interrupt.exitCode);
        tellFailed(error, output);
        complain(errorText(error));
        finish(exitCodeOf(error));
      }
    },
  );
}

function tellAnswer(method: string, answer: ExchangeAnswer, output: Output): void {
  const { status } = answer;
  const body = bodyOf(answer);
  output.event({ event: 'answer', method, status, body });
  if (typeof body !== 'string') output.line(JSON.stringify(body, undefined, 2));
  else if (body !== '')
    output.line(
      body
        .split('\n')
        .map((line) => plainText(line, body.length))
        .join('\n'),
    );
  if (status !== 0) complain(`${plainText(method)} says ${status}`);
}

/** JSON as what it says, any other text as it is. */
function bodyOf(answer: ExchangeAnswer): unknown {
  try {
    return answer.json();
  } catch {
    return answer.text();
  }
}
