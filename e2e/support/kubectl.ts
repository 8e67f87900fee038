import { type ChildProcess, spawn } from 'node:child_process';

/** Runs kubectl, which `testbed exec` puts on the PATH with its KUBECONFIG; throws with what it said when it fails. */
export function kubectl(args: readonly string[], stdin?: string): Promise<string> {
  return run('kubectl', args, stdin).then(({ code, stdout, stderr }) => {
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr.trim()}`);
    return stdout;
  });
}

/** One object as the API server has it. */
export async function read<T>(namespace: string, kind: string, name: string): Promise<T> {
  return JSON.parse(await kubectl(['-n', namespace, 'get', kind, name, '-o', 'json'])) as T;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end; `onLine` hears each line of its output as it comes. Its code is -1 when a signal ended it. */
export function run(
  file: string,
  args: readonly string[],
  stdin?: string,
  onLine: (line: string, child: ChildProcess) => void = () => {},
  onStart: (child: ChildProcess) => void = () => {},
  cwd?: string,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) });
    onStart(child);
    let [stdout, stderr, rest] = ['', '', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line, child);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.on('error', () => {}).end(stdin);
  });
}
