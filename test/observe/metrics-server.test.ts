import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Counters } from '../../src/engine/counters.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { type MetricsServer, type MetricsServerOptions, startMetricsServer } from '../../src/observe/metrics-server.ts';

const open: MetricsServer[] = [];

async function started(
  options: MetricsServerOptions = { port: 0 },
  metrics: Parameters<typeof startMetricsServer>[0] = new Metrics(),
) {
  const server = await startMetricsServer(metrics, options);
  open.push(server);
  return server;
}

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

test('GET /metrics gives the text of a scrape', async () => {
  const metrics = new Metrics();
  metrics.attach({ role: 'responder', snapshot: () => new Counters().snapshot() });
  const { url } = await started({ port: 0 }, metrics);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  for (const address of [url, `${url}?format=text`]) {
    const response = await fetch(address);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(metrics.contentType);
    expect(await response.text()).toBe(await metrics.text());
  }
});

test.each([
  ['GET', '/'],
  ['GET', '/metrics/'],
  ['GET', '/../etc/passwd'],
  ['POST', '/metrics'],
  ['DELETE', '/metrics'],
])('%s %s is not there', async (method, path) => {
  const { url } = await started();
  const response = await fetch(new URL(path, url), { method });
  expect(response.status).toBe(404);
  expect(await response.text()).toBe('only GET /metrics is here\n');
});

test('a scrape that fails says so, and not why', async () => {
  const failing = { contentType: 'text/plain', text: () => Promise.reject(new Error('/secret/path')) };
  const { url } = await started({ port: 0 }, failing);
  const response = await fetch(url);
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('secret');
});

test('is on loopback unless told otherwise', async () => {
  expect((await started()).host).toBe('127.0.0.1');
  const everywhere = await started({ host: '::', port: 0 });
  expect(everywhere.url).toMatch(/^http:\/\/localhost:\d+\/metrics$/);
  expect((await fetch(`http://127.0.0.1:${everywhere.port}/metrics`)).status).toBe(200);
});

test('a port that is taken is an error that names it', async () => {
  const { port } = await started();
  await expect(startMetricsServer(new Metrics(), { port })).rejects.toThrow(/EADDRINUSE.*127\.0\.0\.1/);
});

test('closes at once although somebody keeps a connection open, and frees the port', async () => {
  const server = await started();
  const idler = connect(server.port, '127.0.0.1');
  const ended = new Promise((resolve) => idler.once('close', resolve));
  idler.on('error', () => undefined);
  await new Promise((resolve) => idler.once('connect', resolve));
  await fetch(server.url);
  await Promise.all([server.close(), server.close(), server[Symbol.asyncDispose]()]);
  await ended;
  await expect(fetch(server.url)).rejects.toThrow();
  const again = await started({ port: server.port });
  expect(again.port).toBe(server.port);
});
