import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** What a part was run on. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGibibytes: number;
  readonly kernel: string;
  readonly system: string;
  readonly node: string;
  /** How many processes wanted to run, on average of the last minute, before it began: above 0.5, others have used the machine. */
  readonly loadBefore: number;
}

export function machine(): Machine {
  const [first] = cpus();
  return {
    cores: cpus().length,
    cpu: first?.model.trim() ?? 'unknown',
    memoryGibibytes: Math.round(totalmem() / 2 ** 30),
    kernel: `${process.platform} ${release()}`,
    system: /^PRETTY_NAME="(.*)"$/m.exec(readIfThere('/etc/os-release'))?.[1] ?? 'unknown',
    node: process.version,
    loadBefore: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

/** Whether figures of one are comparable with figures of the other without a control. */
export const isSame = (one: Machine, other: Machine): boolean =>
  one.cores === other.cores && one.cpu === other.cpu && one.node === other.node;

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
