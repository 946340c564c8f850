import { describe, expect, it } from 'vitest';
import { initiatorMachine, responderMachine } from '../../machines/index.ts';
import { exchangeSubjects } from '../support/exchange-subjects.ts';
import { initiatorSubject, responderSubject, tableText } from '../support/machine-table.ts';
import { mermaid } from '../support/mermaid.ts';
import { neighbourSubjects } from '../support/neighbour-subjects.ts';

// These files are reviewed like code. After an intended change of a machine: vitest run test/machines -u, then read the diff.
describe('the reviewed pictures of the machines', () => {
  it('the initiator does in every state and on every event what its table says', async () => {
    await expect(tableText(initiatorSubject())).toMatchFileSnapshot('initiator.table.txt');
  });

  it('the responder does in every state and on every event what its table says', async () => {
    await expect(tableText(responderSubject())).toMatchFileSnapshot('responder.table.txt');
  });

  it('the diagram of the initiator is the one that was reviewed', async () => {
    await expect(mermaid(initiatorMachine)).toMatchFileSnapshot('initiator.mmd');
  });

  it('the diagram of the responder is the one that was reviewed', async () => {
    await expect(mermaid(responderMachine)).toMatchFileSnapshot('responder.mmd');
  });

  for (const { file, subject } of [...neighbourSubjects, ...exchangeSubjects]) {
    it(`the ${subject.name} does in every state and on every event what its table says`, async () => {
      await expect(tableText(subject)).toMatchFileSnapshot(`${file}.table.txt`);
    });

    it(`the diagram of the ${subject.name} is the one that was reviewed`, async () => {
      await expect(mermaid(subject.machine)).toMatchFileSnapshot(`${file}.mmd`);
    });
  }
});
