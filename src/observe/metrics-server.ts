import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { addressText } from './text.ts';

/** What is served: {@link Metrics}, or anything like it. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Where to serve. */
export interface MetricsServerOptions {
  /**
   * Address to bind; default `127.0.0.1`, so that the library exposes nothing by accident. `::` is all interfaces, on a
   * machine without IPv6 too: the command's `--metrics :9464` means that, as `--listen :4444` does.
   */
  readonly host?: string;
  /** 0..65535; 0 lets the operating system choose. */
  readonly port: number;
}

/** A running server. */
export interface MetricsServer {
  /** As bound. */
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:9464/metrics`. */
  readonly url: string;
  /** Ends all connections and frees the port; may be called twice. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Connections at once: a scraper needs one. */
const CONNECTIONS_MAX = 32;
/** A scraper that takes longer to send its few bytes is none, ms. */
const REQUEST_TIMEOUT_MS = 5000;

async function answer(request: IncomingMessage, response: ServerResponse, metrics: MetricsText): Promise<void> {
  const [path] = (request.url ?? '').split('?', 1);
  if (request.method !== 'GET' || path !== '/metrics') {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('only GET /metrics is here\n');
    return;
  }
  try {
    const text = await metrics.text();
    response.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' }).end(text);
  } catch {
    // What went wrong is not for whoever scrapes: it could name files or addresses.
    response.writeHead(500, { 'content-type': 'text/plain' }).end('the figures could not be read\n');
  }
}

/**
 * Serves GET /metrics over HTTP, and 404 for all else. Rejects with the operating system's error when the address cannot be
 * bound, `EADDRINUSE` for one.
 */
export async function startMetricsServer(metrics: MetricsText, options: MetricsServerOptions): Promise<MetricsServer> {
  const { host = '127.0.0.1', port } = options;
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
  server.maxConnections = CONNECTIONS_MAX;
  server.on('request', (request, response) => void answer(request, response, metrics));
  // Without a host Node itself falls back from :: to 0.0.0.0.
  const where = host === '::' ? { port } : { host, port };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    return closed;
  };
  const url = `http://${host === '::' || host === '0.0.0.0' ? `localhost:${boundPort}` : addressText(host, boundPort)}/metrics`;
  return { host, port: boundPort, url, close, [Symbol.asyncDispose]: close };
}
