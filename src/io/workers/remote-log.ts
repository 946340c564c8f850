import { type Log, type LogLevel, logLevels } from '../../observe/log.ts';

/** Levels that lines are written at. */
export type LineLevel = 'debug' | 'info' | 'warn' | 'error';

/** Takes a line to where the logger is. */
export type LineWriter = (level: LineLevel, fields: object, message: string) => void;

/** The camera's logger, in a worker. Lines cross threads, so that all are written by one. */
export class RemoteLog implements Log {
  readonly #lowest: LogLevel;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #write: LineWriter;

  /** @param lowest level that is written. @param fields of every line. */
  constructor(lowest: LogLevel, fields: Readonly<Record<string, unknown>>, write: LineWriter) {
    this.#lowest = lowest;
    this.#fields = fields;
    this.#write = write;
  }

  /** The lowest level that a logger writes. */
  static lowestOf(log: Log): LogLevel {
    return logLevels.find((level) => level !== 'silent' && log.isLevelEnabled(level)) ?? 'silent';
  }

  isLevelEnabled(level: LogLevel): boolean {
    return logLevels.indexOf(level) >= logLevels.indexOf(this.#lowest);
  }

  debug(fields: object, message: string): void {
    this.#line('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#line('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#line('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#line('error', fields, message);
  }

  child(fields: Record<string, unknown>): Log {
    return new RemoteLog(this.#lowest, { ...this.#fields, ...fields }, this.#write);
  }

  #line(level: LineLevel, fields: object, message: string): void {
    if (this.isLevelEnabled(level)) this.#write(level, { ...this.#fields, ...fields }, message);
  }
}
