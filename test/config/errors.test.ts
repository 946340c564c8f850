import { describe, expect, test } from 'vitest';
import { ConfigError, HandshakeError, SessionError } from '../../src/errors.ts';
import { ErrorCode, errorCodeHelp } from '../../src/protocol/error-code.ts';

const handshake = { peer: '127.0.0.1:4444', attempts: 70, elapsedMs: 15_000 };

describe('a failed handshake', () => {
  test('says that nobody answered, the last hint, and what to try', () => {
    const error = new HandshakeError({ ...handshake, code: ErrorCode.HANDSHAKE_TIMEOUT, reason: 'ECONNREFUSED' });
    expect(error.message).toBe(
      'no answer from 127.0.0.1:4444 within 15.0 s (HANDSHAKE_TIMEOUT, 70 attempts, ' +
        'last hint ECONNREFUSED: nothing listens there?). ' +
        `Try: ${errorCodeHelp.HANDSHAKE_TIMEOUT.tryNext}`,
    );
    expect(error).toMatchObject({
      name: 'HandshakeError',
      code: 'HANDSHAKE_TIMEOUT',
      codeNumber: 10,
      reason: 'ECONNREFUSED',
      ...handshake,
      tryNext: errorCodeHelp.HANDSHAKE_TIMEOUT.tryNext,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error.cause).toBeUndefined();
  });

  test('says that the camera answered when only the confirm got lost', () => {
    const error = new HandshakeError({ ...handshake, code: ErrorCode.CONFIRM_TIMEOUT, attempts: 1, reason: undefined });
    expect(error.message).toContain('127.0.0.1:4444 answered, but nothing came after the confirm within 15.0 s');
    expect(error.message).toContain('(CONFIRM_TIMEOUT, 1 attempt)');
  });

  test('says why the camera refused, in its own words', () => {
    const error = new HandshakeError({ ...handshake, elapsedMs: 12, code: ErrorCode.BUSY, reason: 'four viewers' });
    expect(error.message).toBe(
      'handshake with 127.0.0.1:4444 failed after 12.0 ms: the camera is busy (BUSY, 70 attempts, reason "four viewers"). ' +
        'Try: try again later, or raise its limits',
    );
  });

  test('an own cancellation has nothing to try', () => {
    const error = new HandshakeError({ ...handshake, code: ErrorCode.CANCELLED });
    expect(error.message).toMatch(/cancelled on this end \(CANCELLED, 70 attempts\)$/);
  });

  test('a hint without a name is still a hint', () => {
    const error = new HandshakeError({ ...handshake, code: ErrorCode.LOCAL_NETWORK, reason: 'other' });
    expect(error.message).toContain('last hint: the operating system refused a datagram');
  });

  test("an application's code keeps its number, and a number that nobody knows too", () => {
    expect(new HandshakeError({ ...handshake, code: 0x81 })).toMatchObject({
      code: 'APPLICATION',
      codeNumber: 0x81,
      message: expect.stringContaining('APPLICATION 0x81'),
    });
    expect(new HandshakeError({ ...handshake, code: 999 })).toMatchObject({
      code: 'UNKNOWN',
      message: expect.stringContaining('UNKNOWN 0x3e7'),
    });
  });

  test('a peer’s words drive no terminal and forge no line, but are kept as they came', () => {
    const reason = '\u001b[2J\nall is well\u202e';
    const error = new HandshakeError({ ...handshake, code: ErrorCode.POLICY, reason });
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(error.reason).toBe(reason);
    expect(new HandshakeError({ ...handshake, code: ErrorCode.POLICY, reason: '' }).message).not.toContain('reason');
  });

  test('keeps its cause', () => {
    const cause = new Error('getaddrinfo ENOTFOUND');
    expect(new HandshakeError({ ...handshake, code: ErrorCode.LOCAL_NETWORK, cause }).cause).toBe(cause);
  });

  test.each(Object.entries(ErrorCode))('%s has a message of one line that names it', (name, code) => {
    const { message } = new HandshakeError({ ...handshake, code });
    expect(message).toContain(`(${name}, `);
    expect(message).not.toContain('\n');
  });
});

describe('a lost session', () => {
  test('says how long it lasted, why it ended and what to try', () => {
    const ending = { code: ErrorCode.PEER_DEAD, peer: '[::1]:4444', durationMs: 12_300 };
    const error = new SessionError(ending);
    expect(error.message).toBe(
      'session with [::1]:4444 ended after 12.3 s: nothing was heard from the other end for too long (PEER_DEAD). ' +
        'Try: check the network; --reconnect',
    );
    expect(error).toMatchObject({
      name: 'SessionError',
      codeNumber: 12,
      reason: undefined,
      ...ending,
      code: 'PEER_DEAD',
    });
    const cause = new Error('why');
    expect(new SessionError({ ...ending, cause }).cause).toBe(cause);
  });
});

test('wrong settings are listed in full, one line each', () => {
  const problems = [
    { setting: '--timeout', problem: '"5" has no unit', tryInstead: 'write 5s' },
    { setting: 'latencyMs', problem: 'is 20000', tryInstead: 'use a number from 0 to 10000 ms' },
  ];
  const error = new ConfigError(problems);
  expect(error.message).toBe(
    '--timeout: "5" has no unit. Try: write 5s\nlatencyMs: is 20000. Try: use a number from 0 to 10000 ms',
  );
  expect(error).toMatchObject({ name: 'ConfigError', problems });
});
