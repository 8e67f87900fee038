import { mkdir, writeFile } from 'node:fs/promises';

/** How long a scenario took from the incident to the moment at which the public paths were healthy again. */
export interface Recovery {
  readonly scenario: string;
  readonly seconds: number;
}

/** Where the recoveries of a run are kept; not tracked. */
const FILE = 'build/game-day.json';

/** Tells of the recoveries of a run, and keeps them. */
export async function keep(recoveries: readonly Recovery[]): Promise<void> {
  await mkdir('build', { recursive: true });
  await writeFile(FILE, `${JSON.stringify(recoveries, null, 2)}\n`);
  for (const { scenario, seconds } of recoveries) console.log(`${seconds.toFixed(1).padStart(6)} s  ${scenario}`);
}
