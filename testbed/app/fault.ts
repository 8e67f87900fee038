import { isIP } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * How a stand-in misbehaves, said by the container's environment:
 * - `unready`: it says of itself that it is not ready (503)
 * - `http-500`: health answers 500
 * - `status-error`: health answers 200, and in the body that something is wrong (web: 500, it has no such body)
 * - `not-json`: health answers 200 with a page
 * - `wrong-version`: it claims to be version v0
 * - `slow`: it answers after STANDIN_SLOW_MS milliseconds (default 15000)
 * - `crash`: the process exits with 1
 */
const faults = ['unready', 'http-500', 'status-error', 'not-json', 'wrong-version', 'slow', 'crash'] as const;
export type Fault = (typeof faults)[number];

const audiences = ['preview', 'active', 'probe'] as const;
type Audience = (typeof audiences)[number];

const start = Date.now();
const fault = oneOf('STANDIN_FAULT', faults);
const audience = oneOf('STANDIN_FAULT_FOR', audiences);
/** Seconds after the start from which on the fault shows; default 0. */
const after = Number(process.env.STANDIN_FAULT_AFTER ?? 0) * 1000;
const slowness = Number(process.env.STANDIN_SLOW_MS ?? 15_000);

function oneOf<T extends string>(variable: string, words: readonly T[]): T | undefined {
  const value = process.env[variable];
  const word = words.find((word) => word === value);
  if (value && !word) throw new Error(`${variable} is "${value}", must be one of ${words.join(', ')}`);
  return word;
}

/** Who asks: kubelet by the pod's address, people and analyses by the name of the preview or of the active side. */
function audienceOf(host: string): Audience {
  const name = host.replace(/:\d+$/, '').replace(/[[\]]/g, '');
  if (isIP(name) || name === '' || name === 'localhost') return 'probe';
  return name.split('.')[0]?.includes('preview') || name.startsWith('preview.') ? 'preview' : 'active';
}

/** The fault that whoever asked this host is to meet now. A slow answer is waited for here. */
export async function faultFor(host: string | undefined): Promise<Fault | undefined> {
  if (!fault || Date.now() - start < after) return undefined;
  if (audience && audience !== audienceOf(host ?? '')) return undefined;
  if (fault === 'slow') await pause(slowness);
  return fault;
}

/** Ends the process at the time the environment says, if it is to crash. */
export function crashIfAsked(): void {
  if (fault !== 'crash') return;
  setTimeout(() => {
    console.error('stand-in: crashing, as STANDIN_FAULT asks');
    process.exit(1);
  }, after);
}
