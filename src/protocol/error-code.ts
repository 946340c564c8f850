/**
 * The one table of codes for ERROR, BYE, RESET, `Closed` and `HandshakeError` (docs/PROTOCOL.md, section 5).
 * Codes are stable: a number and a name never change their meaning.
 */
export const ErrorCode = {
  NO_ERROR: 0,
  UNSUPPORTED_VERSION: 1,
  MALFORMED: 2,
  UNSUPPORTED_CRITICAL_TLV: 3,
  AUTH_FAILED: 4,
  RESOURCE: 5,
  BUSY: 6,
  STREAM_ID_MISMATCH: 7,
  INVALID_COOKIE: 8,
  NO_SESSION: 9,
  HANDSHAKE_TIMEOUT: 10,
  CONFIRM_TIMEOUT: 11,
  PEER_DEAD: 12,
  CONSENT_EXPIRED: 13,
  CLOSE_TIMEOUT: 14,
  SUPERSEDED: 15,
  KEY_LIMIT: 16,
  PATH_FAILED: 17,
  MTU_TOO_SMALL: 18,
  LOCAL_NETWORK: 19,
  PARAMETERS: 20,
  POLICY: 21,
  SHUTDOWN: 22,
  NO_SUCH_STREAM: 23,
  PEER_RESET: 24,
  CANCELLED: 25,
} as const;

/** Name of a code of the protocol, such as `'BUSY'`. */
export type ErrorCodeName = keyof typeof ErrorCode;

/** Number of a code on the wire: one of {@link ErrorCode}, or an application's own 0x80..0xFF. */
export type ErrorCodeValue = number;

/** First and last code that an application may use for itself. */
export const APPLICATION_CODE_MIN = 0x80;
/** See {@link APPLICATION_CODE_MIN}. */
export const APPLICATION_CODE_MAX = 0xff;

const names = new Map<number, ErrorCodeName>(
  (Object.entries(ErrorCode) as [ErrorCodeName, number][]).map(([name, value]) => [value, name]),
);

/**
 * The stable text of a code, also as a metric's label: a name of {@link ErrorCode}, `'APPLICATION'` for 0x80..0xFF and
 * `'UNKNOWN'` for every other number, so that a peer cannot make up labels (S16).
 */
export function errorCodeName(code: ErrorCodeValue): ErrorCodeName | 'APPLICATION' | 'UNKNOWN' {
  const name = names.get(code);
  if (name !== undefined) return name;
  return code >= APPLICATION_CODE_MIN && code <= APPLICATION_CODE_MAX ? 'APPLICATION' : 'UNKNOWN';
}

/** A refusal that may pass by itself: the initiator keeps trying until its deadline. */
export function isTransient(code: ErrorCodeValue): boolean {
  return code === ErrorCode.RESOURCE || code === ErrorCode.BUSY;
}

/**
 * What an application is told of a close whose BYE was never answered. A reason that this end found itself stays: nobody asked for
 * that close, and CLOSE_TIMEOUT would hide why it happened.
 *
 * @param code that the session was closed with.
 */
export function unansweredCode(code: number): number {
  return code === ErrorCode.KEY_LIMIT || code === ErrorCode.MTU_TOO_SMALL ? code : ErrorCode.CLOSE_TIMEOUT;
}

/** Codes that are counted locally and never go on the wire. */
export function isLocalOnly(code: ErrorCodeValue): boolean {
  return code === ErrorCode.MALFORMED || code === ErrorCode.STREAM_ID_MISMATCH || code === ErrorCode.INVALID_COOKIE;
}

/** What each code means, in a sentence for people, and what to try next. */
export const errorCodeHelp: Readonly<Record<ErrorCodeName, { readonly means: string; readonly tryNext: string }>> = {
  NO_ERROR: { means: 'ended as intended', tryNext: '' },
  UNSUPPORTED_VERSION: {
    means: 'the other end speaks no protocol version that this one speaks',
    tryNext: 'update the older of the two ends',
  },
  MALFORMED: { means: 'a datagram could not be decoded', tryNext: 'run with --log debug to see the reason counters' },
  UNSUPPORTED_CRITICAL_TLV: {
    means: 'the camera does not know an option that the viewer insists on',
    tryNext: 'update the camera, or switch the option off',
  },
  AUTH_FAILED: { means: 'the camera does not admit this viewer', tryNext: 'check the key that both ends use' },
  RESOURCE: { means: 'the camera is out of a resource', tryNext: 'try again later, or raise its limits' },
  BUSY: { means: 'the camera is busy', tryNext: 'try again later, or raise its limits' },
  STREAM_ID_MISMATCH: { means: 'an answer named another stream id', tryNext: 'look for a second sender on this port' },
  INVALID_COOKIE: { means: 'the cookie was stale or wrong', tryNext: 'check for a NAT that changes ports' },
  NO_SESSION: { means: 'the other end does not know this session', tryNext: 'start again' },
  HANDSHAKE_TIMEOUT: {
    means: 'no answer from the camera within the handshake deadline',
    tryNext:
      'check address, port and firewall, that the camera runs, and that both ends have the same --security and keys; --timeout gives it longer',
  },
  CONFIRM_TIMEOUT: {
    means: 'the camera answered, but nothing came after the confirm',
    tryNext: 'check that datagrams pass both ways; --timeout gives it longer',
  },
  PEER_DEAD: { means: 'nothing was heard from the other end for too long', tryNext: 'check the network; --reconnect' },
  CONSENT_EXPIRED: { means: 'the viewer stopped answering PINGs', tryNext: 'check the network; --reconnect' },
  CLOSE_TIMEOUT: { means: 'the other end never answered the BYE', tryNext: 'nothing: this end is closed' },
  SUPERSEDED: { means: 'a newer session of the same viewer took over', tryNext: 'nothing: the newer one goes on' },
  KEY_LIMIT: { means: 'a key was used to its limit', tryNext: 'start again' },
  PATH_FAILED: { means: 'the new network path did not answer', tryNext: 'start again' },
  MTU_TOO_SMALL: {
    means: 'not even the smallest media datagrams arrive',
    tryNext: 'check tunnels and VPNs on the path: it must carry 324-byte IP packets',
  },
  LOCAL_NETWORK: {
    means: 'this machine could not send or bind',
    tryNext: 'check the local address, the route and the firewall; is the port taken?',
  },
  PARAMETERS: { means: 'the two ends do not agree on the stream parameters', tryNext: 'compare their settings' },
  POLICY: { means: 'the camera refuses this viewer by its policy', tryNext: 'ask who runs the camera' },
  SHUTDOWN: { means: 'the other end is shutting down', tryNext: 'try again later; --reconnect' },
  NO_SUCH_STREAM: {
    means: 'the camera has no stream of that name',
    tryNext: 'name one of its streams: host:port/stream',
  },
  PEER_RESET: { means: 'the camera restarted and lost the session', tryNext: 'start again; --reconnect' },
  CANCELLED: { means: 'cancelled on this end', tryNext: '' },
};
