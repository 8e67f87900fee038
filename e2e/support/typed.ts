import { run } from '../../testbed/run.ts';

/** Types a line of a document in a shell, with these variables besides; throws what it said where it fails. */
export function typed(line: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  return run(['bash', '-o', 'pipefail', '-c', line], { env: { ...process.env, ...env } });
}
