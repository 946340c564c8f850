import { afterAll, expect, vi } from 'vitest';
import { namespacesLeft } from '../../support/namespaces.ts';
import { clockFaults } from './clock-faults.ts';
import { namespaceFaults } from './namespace-faults.ts';
import { relayFaults } from './relay-faults.ts';
import { stopFaults } from './stop-faults.ts';

// One file, so that what must wait for seconds waits at the same time.
vi.setConfig({ maxConcurrency: 8 });

afterAll(() => {
  expect(namespacesLeft()).toEqual([]);
});

stopFaults();
relayFaults();
namespaceFaults();
clockFaults();
