import { describe, expect, it } from 'vitest';
import { initialTransition, transition } from 'xstate';
import { answerKeeperMachine } from '../../machines/answer-keeper.ts';
import { answererMachine } from '../../machines/exchange-answerer.ts';
import { askerMachine } from '../../machines/exchange-asker.ts';
import { heartbeatMachine } from '../../machines/heartbeat.ts';
import { helloMachine } from '../../machines/hello.ts';
import { procvisionRunnerMachine } from '../../machines/procvision-runner.ts';
import { reconnectMachine } from '../../machines/reconnect.ts';
import { redPepperSessionMachine } from '../../machines/redpepper-session.ts';
import { requestMachine } from '../../machines/request-tracker.ts';
import { rrccFollowerMachine } from '../../machines/rrcc-follower.ts';
import { rrccLeaderMachine } from '../../machines/rrcc-leader.ts';

describe('what a machine remembers when it begins', () => {
  it.each([
    ['an answer keeper', initialTransition(answerKeeperMachine), { duplicates: 0 }],
    ['an answerer', initialTransition(answererMachine), { round: 0, sends: 0, outcome: '' }],
    ['an asker', initialTransition(askerMachine), { round: 0, sends: 0, outcome: '' }],
    ['a heartbeat', initialTransition(heartbeatMachine, { retriesMax: 3 }), { retriesMax: 3, missed: 0 }],
    [
      'a hello',
      initialTransition(helloMachine, { opens: true, lenient: false }),
      { opens: true, lenient: false, failure: '' },
    ],
    [
      'a ProcVision runner',
      initialTransition(procvisionRunnerMachine),
      { fault: '', closing: false, acknowledged: false, failed: false },
    ],
    ['a reconnection', initialTransition(reconnectMachine, { failuresMax: 4 }), { failuresMax: 4, failures: 0 }],
    ['a RedPepper session', initialTransition(redPepperSessionMachine), { ending: '' }],
    ['a request', initialTransition(requestMachine, { attemptsMax: 5 }), { attemptsMax: 5, attempts: 0, outcome: '' }],
    ['an RRCC follower', initialTransition(rrccFollowerMachine), { round: 0, deaths: 0, answered: false }],
    [
      'an RRCC leader',
      initialTransition(rrccLeaderMachine),
      { round: 0, attempt: 0, sends: 0, timeouts: 0, outcome: '' },
    ],
  ])('%s: only what it was given', (_, [snapshot], context) => {
    expect(snapshot.context).toEqual(context);
  });
});

describe('a lenient opener of a hello', () => {
  it('goes on with any first message, and says that it is established once', () => {
    const [idle] = initialTransition(helloMachine, { opens: true, lenient: true });
    const [waiting] = transition(helloMachine, idle, { type: 'app.start' });
    const [established, actions] = transition(helloMachine, waiting, { type: 'frame.other', roomLeft: true });
    expect(established.value).toBe('Established');
    expect(actions.map(({ type }) => type)).toEqual(['disarmDeadline', 'reportEstablished']);
  });
});

describe('a ProcVision runner', () => {
  it('remembers what was wrong first, whatever comes after it and says nothing of a fault', () => {
    const [idle] = initialTransition(procvisionRunnerMachine);
    const [started] = transition(procvisionRunnerMachine, idle, { type: 'app.start' });
    const [ending] = transition(procvisionRunnerMachine, started, { type: 'peer.ended', fault: 'startup' });
    expect(ending.context.fault).toBe('startup');
    const [closing] = transition(procvisionRunnerMachine, started, { type: 'app.close' });
    const [faulty] = transition(procvisionRunnerMachine, closing, { type: 'peer.fault', fault: 'protocol' });
    const [exited] = transition(procvisionRunnerMachine, faulty, { type: 'process.exited', fault: 'exited' });
    expect(faulty.context.fault).toBe('protocol');
    expect(exited.context).toMatchObject({ fault: 'protocol', closing: true });
  });
});
