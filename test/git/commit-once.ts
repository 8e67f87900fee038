import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commitOnto } from '../../promotion/git/remote.ts';

// One commit in a process of its own, so that it can be killed: `commit-once.ts REPOSITORY ACT PIDFILE`.

const [repository = '', act = '', pidFile = ''] = process.argv.slice(2);
writeFileSync(pidFile, String(process.pid));
const end = await commitOnto(
  { repository, branch: 'main' },
  async ({ folder }) => {
    writeFileSync(join(folder, 'pins.yaml'), 'version: v2\n');
    return { message: 'Pin v2' };
  },
  { act },
);
process.stdout.write(JSON.stringify(end));
