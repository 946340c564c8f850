import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { keyText } from '../config/key-text.ts';
import { readPrivateKeyFile, writeSecretFile } from '../io/key-files.ts';
import { publicKeyOf } from '../security/credentials.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption } from './options.ts';
import { commandOutput } from './output.ts';

interface KeygenOptions {
  readonly psk?: boolean;
  readonly public?: boolean;
  readonly json?: boolean;
}

/** `firstframe keygen`. */
export function keygenCommand(finish: (exitCode: number) => void): Command {
  return new Command('keygen')
    .description('Makes a key: a private one in a file that only its owner can read, and prints the public one.')
    .argument('<file>', 'where the secret goes; it must not be there yet')
    .option('--psk', 'a secret that both ends share, for --security psk')
    .option('--public', 'print the public key of a private one that is there already')
    .addOption(jsonOption())
    .action((file: string, options: KeygenOptions) => {
      const output = commandOutput({ json: options.json === true, stdoutTaken: false });
      if (options.psk === true) {
        writeSecretFile(file, 'firstframe PSK: both ends need it, nobody else may have it', keyText(randomBytes(32)));
        output.event({ event: 'key', kind: 'psk', file });
      } else {
        const publicKey = options.public === true ? publicKeyIn(file) : makeKey(file);
        output.line(publicKey);
        output.event({ event: 'key', kind: 'private', file, publicKey });
      }
      finish(ExitCode.ok);
    });
}

function makeKey(file: string): string {
  const privateKey = new Uint8Array(randomBytes(32));
  const publicKey = keyText(publicKeyOf(privateKey));
  writeSecretFile(file, `firstframe private key; its public key is ${publicKey}`, keyText(privateKey));
  return publicKey;
}

function publicKeyIn(file: string): string {
  return keyText(publicKeyOf(readPrivateKeyFile(file, file)));
}
