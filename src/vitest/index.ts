/**
 * `firstframe/vitest`: a fixture and matchers for tests of media code against packet loss. See docs/SIMULATION.md.
 *
 *     import { simulationTest as test } from 'firstframe/vitest';
 *
 *     test('my player lives with a bad link', ({ simulate }) => {
 *       const simulation = simulate({ link: 'lossy-wifi' });
 *       …
 *     });
 */
export { type SimulationMatchers, simulationMatchers } from './matchers.ts';
export { type SimulateFixture, simulationTest } from './simulation-test.ts';
