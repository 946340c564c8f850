import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ListenAddress, parseListen } from '../config/address.ts';
import type { Parsed } from '../config/parsed.ts';
import { type SecurityMode, securityModes } from '../config/security.ts';
import { parseDuration, parseFraction, parseSize } from '../config/units.ts';
import { type LogLevel, logLevels } from '../observe/log.ts';
import { type ProfileName, profiles } from '../protocol/profiles.ts';

/** Options of every command that streams. */
export interface CommonOptions {
  readonly profile: ProfileName;
  readonly security?: SecurityMode;
  readonly pskFile?: string;
  readonly keyFile?: string;
  readonly drop?: number;
  readonly seed?: number;
  readonly repair: boolean;
  readonly json?: boolean;
  readonly log: LogLevel;
  readonly metrics?: ListenAddress;
}

/** Reads an option's text; what it says of a wrong one becomes commander's. */
export function reader<Value>(parse: (text: string) => Parsed<Value>): (text: string) => Value {
  return (text) => {
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    throw new InvalidArgumentError(`It ${withoutSubject(parsed.problem)}; ${parsed.tryInstead}.`);
  };
}

/** A problem begins with what was given, which commander has told already. */
function withoutSubject(problem: string): string {
  return problem.replace(/^"[^"]*" /, '');
}

/** `200ms`, `5s`. */
export const duration = reader(parseDuration);
/** `20%`, `0.2`. */
export const fraction = reader(parseFraction);
/** `1200B`, `4MiB`. */
export const size = reader(parseSize);
/** `:4444`, `127.0.0.1:4444`. */
export const listenAddress = reader((text) => parseListen(text));

/** `0%,10%,20%`: so many of them at most. */
export function listOf<Value>(parse: (text: string) => Value, most: number): (text: string) => readonly Value[] {
  return (text) => {
    const parts = text.split(',');
    if (parts.length > most) throw new InvalidArgumentError(`It has more than ${most} parts.`);
    return parts.map((part) => parse(part.trim()));
  };
}

/** A whole number within a range. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It is not a whole number of ${min} to ${max}.`);
  };
}

/** 0.01..1000, with fractions. */
export function framesPerSecond(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0.01 && value <= 1000) return value;
  throw new InvalidArgumentError('It is not a number of 0.01 to 1000, such as 25 or 29.97.');
}

/** u32, as it seeds a generator. */
export const seedNumber = wholeNumber(0, 2 ** 32 - 1);

/** `--security`. */
export function securityOption(): Option {
  return new Option('--security <mode>', 'how sessions are protected; must be said outside loopback').choices(
    securityModes,
  );
}

/** `--json`. */
export function jsonOption(): Option {
  return new Option('--json', 'JSON lines on stdout instead of text for people');
}

/** Adds the options of every command that streams. */
export function withCommonOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--profile <name>', 'timers: how early and how often to ask')
        .choices(Object.keys(profiles))
        .default('default'),
    )
    .addOption(securityOption())
    .option('--psk-file <file>', 'the secret that both ends share, for --security psk; or in FIRSTFRAME_PSK')
    .option('--key-file <file>', 'own private key, for --security keys')
    .option('--drop <percent>', 'lose this part of the own datagrams each way, such as 20%', fraction)
    .option('--seed <number>', 'which datagrams --drop loses (default: another each time)', seedNumber)
    .option('--no-repair', 'do not ask for, or send, lost datagrams again')
    .addOption(jsonOption())
    .addOption(new Option('--log <level>', 'JSON log lines on stderr').choices(logLevels).default('warn'))
    .option(
      '--metrics <address>',
      'serve Prometheus metrics, such as :9464',
      reader((text) => parseListen(text, 9464)),
    );
}
