import { type PackFault, packFaults } from './message-pack-check.ts';
import { isMap, packValue, type RedPepperMap, type RedPepperValue, unpackValue } from './value.ts';

/** The version that is told, that of the program spoken with; compatible are those with the same first number. */
export const REDPEPPER_VERSION = '0.3.4';

/** Numbers of the messages on the wire: the key `t`. */
export const MessageType = {
  AGENT_HELLO: 10,
  MANAGER_HELLO: 11,
  PING: 12,
  PONG: 13,
  BYE: 14,
  REQUEST: 20,
  RESPONSE: 21,
  NOTIFICATION: 22,
} as const;

/** The agent's first message. */
export interface AgentHello {
  readonly t: typeof MessageType.AGENT_HELLO;
  readonly id: string;
  readonly version: string;
  /** A secret: never logged. */
  readonly credentials: string;
}

/** The manager's answer to it. */
export interface ManagerHello {
  readonly t: typeof MessageType.MANAGER_HELLO;
  readonly version: string;
}

/** Asks whether the peer is there, or answers that. */
export interface PingPong {
  readonly t: typeof MessageType.PING | typeof MessageType.PONG;
  /** Echoed as it is. */
  readonly data: number | bigint;
}

/** The last message of a connection. */
export interface Bye {
  readonly t: typeof MessageType.BYE;
  readonly reason: string;
}

/** Asks for the result of a method. */
export interface Request {
  readonly t: typeof MessageType.REQUEST;
  /** 32 hex digits where this end drew it. */
  readonly id: string;
  readonly method: string;
  readonly args: readonly string[];
  readonly kwargs: RedPepperMap;
}

/** Its result. */
export interface Response {
  readonly t: typeof MessageType.RESPONSE;
  readonly id: string;
  readonly success: boolean;
  /** The reason as text where it is no success. */
  readonly data: RedPepperValue;
}

/** Told by an agent without being asked. */
export interface Notification {
  readonly t: typeof MessageType.NOTIFICATION;
  readonly type: string;
  readonly data: RedPepperValue;
}

/** Any message. */
export type Message = AgentHello | ManagerHello | PingPong | Bye | Request | Response | Notification;

/** Why bytes are no message. A closed set: each is a counter. */
export const messageFaults = [...packFaults, 'notAMap', 'badType', 'unknownType', 'badField'] as const;

/** See {@link messageFaults}. */
export type MessageFault = PackFault | 'notAMap' | 'badType' | 'unknownType' | 'badField';

const isText = (value: unknown): boolean => typeof value === 'string';
const isInteger = (value: unknown): boolean => typeof value === 'bigint' || Number.isSafeInteger(value);
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isAnything = (value: unknown): boolean => value !== undefined;

type Field = readonly [name: string, fits: (value: unknown) => boolean];

const pingFields: readonly Field[] = [['data', isInteger]];

/** Fields after `t`, in the order in which they are encoded. */
const fieldsOf: ReadonlyMap<number, readonly Field[]> = new Map<number, readonly Field[]>([
  [
    MessageType.AGENT_HELLO,
    [
      ['id', isText],
      ['version', isText],
      ['credentials', isText],
    ],
  ],
  [MessageType.MANAGER_HELLO, [['version', isText]]],
  [MessageType.PING, pingFields],
  [MessageType.PONG, pingFields],
  [MessageType.BYE, [['reason', isText]]],
  [
    MessageType.REQUEST,
    [
      ['id', isText],
      ['method', isText],
      ['args', isTexts],
      ['kwargs', isMap],
    ],
  ],
  [
    MessageType.RESPONSE,
    [
      ['id', isText],
      ['success', (value) => typeof value === 'boolean'],
      ['data', isAnything],
    ],
  ],
  [
    MessageType.NOTIFICATION,
    [
      ['type', isText],
      ['data', isAnything],
    ],
  ],
]);

/** A message as bytes, without its length. Throws RangeError for values that MessagePack cannot carry. */
export function encodeMessage(message: Message): Uint8Array {
  const fields = fieldsOf.get(message.t) ?? [];
  const values = message as unknown as RedPepperMap;
  return packValue(
    Object.fromEntries([['t', message.t], ...fields.map(([name]) => [name, values[name] ?? null] as const)]),
  );
}

/**
 * Bytes as a message. Strict: nothing is taken for something else (no digits for a number, no 1 for true); keys in any order and
 * integers in any width are understood, unknown keys are left out.
 */
export function decodeMessage(
  bytes: Uint8Array,
): { readonly ok: true; readonly message: Message } | { readonly ok: false; readonly reason: MessageFault } {
  const unpacked = unpackValue(bytes);
  if (!unpacked.ok) return { ok: false, reason: unpacked.fault };
  const { value } = unpacked;
  if (!isMap(value)) return { ok: false, reason: 'notAMap' };
  const t = value['t'];
  if (typeof t !== 'number' || !Number.isInteger(t)) {
    return { ok: false, reason: typeof t === 'bigint' ? 'unknownType' : 'badType' };
  }
  const fields = fieldsOf.get(t);
  if (fields === undefined) return { ok: false, reason: 'unknownType' };
  const whole = fields.every(([name, fits]) => Object.hasOwn(value, name) && fits(value[name]));
  if (!whole) return { ok: false, reason: 'badField' };
  const known = Object.fromEntries([['t', t], ...fields.map(([name]) => [name, value[name]] as const)]);
  return { ok: true, message: known as unknown as Message };
}

/** Whether two versions can be spoken with each other: what stands before the first dot is the same. */
export function isCompatible(ours: string, theirs: string): boolean {
  return ours.split('.', 1)[0] === theirs.split('.', 1)[0];
}
