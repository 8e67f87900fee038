import autocannon, { type Client } from 'autocannon';
import type { Shot } from './gate.ts';

export interface Burst {
  /** Of a Service: the scheme is http. */
  readonly url: string;
  /** How many requests are sent at once. */
  readonly size: number;
  /** How long one answer may take, in whole seconds. */
  readonly timeoutSeconds: number;
  /** Ends it early; what has no answer by then has none. */
  readonly signal?: AbortSignal;
}

/** Between two looks of autocannon whether all is over, in milliseconds. */
const SAMPLE_MILLIS = 20;

/**
 * Sends requests all at once, each on a connection of its own, and tells how each ended, in the order of the connections. One request
 * a connection, because autocannon says nothing of those that are lost with a connection that is closed before the answer: here they
 * are the ones that it has not reported. Never rejects for what the other side does.
 */
export async function burst({ url, size, timeoutSeconds, signal }: Burst): Promise<Shot[]> {
  const shots: Shot[] = Array.from({ length: size }, () => ({}));
  const clients: Client[] = [];
  await new Promise<void>((resolve, reject) => {
    const run = autocannon(
      {
        url,
        connections: size,
        amount: size,
        timeout: timeoutSeconds,
        sampleInt: SAMPLE_MILLIS,
        skipAggregateResult: true,
        setupClient: (client) => clients.push(client),
      },
      (error) => {
        signal?.removeEventListener('abort', stop);
        if (error) reject(error);
        else resolve();
      },
    );
    const stop = () => run.stop();
    signal?.addEventListener('abort', stop);
    run.on('response', (client, status, _bytes, milliseconds) => {
      shots[clients.indexOf(client)] = { status, milliseconds };
    });
  });
  return shots;
}
