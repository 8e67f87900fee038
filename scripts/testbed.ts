import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Command, Option } from 'commander';
import { buildBinaries } from '../testbed/binaries.ts';
import { gitopsPackages } from '../testbed/gitops.ts';
import { checkPackages, hostPackages, installPackages } from '../testbed/host.ts';
import { buildImages } from '../testbed/images.ts';
import { buildPythonTools } from '../testbed/python.ts';
import { messageOf, stopwatch } from '../testbed/run.ts';
import {
  defaultKind,
  down,
  type Extra,
  find,
  type Kind,
  list,
  ownCluster,
  type Testbed,
  up,
} from '../testbed/testbed.ts';

const named = () => new Option('--name <name>', 'which testbed').default('main');
const kind = () =>
  new Option('--kind <kind>', 'real pods or fake ones').choices(['node', 'fake']).default(defaultKind());

const extras = () =>
  new Option('--with <extra...>', 'what a real node has besides').choices(['gitops']).default([] as Extra[]);

const program = new Command('testbed').description(
  'Kubernetes with Argo Rollouts on this machine, for tests and rehearsals',
);

program
  .command('build')
  .description('make what testbeds are made of: binaries, and for real nodes packages and images')
  .addOption(kind())
  .addOption(extras())
  .action(async (options: { kind: Kind; with: Extra[] }) => {
    const say = stopwatch(console.log);
    if (options.kind === 'node') {
      await installPackages(hostPackages, say);
      await buildImages(say);
    }
    await buildBinaries(options.kind, say);
    await installPackages(checkPackages, say);
    await buildBinaries('checks', say);
    await buildPythonTools(say);
    if (options.with.includes('gitops')) {
      await installPackages(gitopsPackages, say);
      await buildBinaries('gitops', say);
    }
  });

program
  .command('up')
  .description('bring up a cluster')
  .addOption(named())
  .addOption(kind())
  .addOption(extras())
  .action(async (options: { name: string; kind: Kind; with: Extra[] }) => {
    let isEnding = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      // Ctrl-C comes twice, from the terminal and from npm.
      process.on(signal, () => {
        if (isEnding) return;
        isEnding = true;
        void down(options.name).finally(() => process.exit(128 + constants.signals[signal]));
      });
    }
    const { kubeconfig } = await up({ ...options, say: stopwatch(console.log) });
    if (ownCluster()) return console.log(`nothing to bring up: TESTBED_KUBECONFIG names ${kubeconfig}`);
    console.log(`use: npm run testbed -- exec --name ${options.name} -- kubectl get nodes`);
  });

program
  .command('down')
  .description('take down a cluster, or what a crash left of it')
  .addOption(named())
  .action(async ({ name }: { name: string }) => {
    const own = ownCluster();
    if (own) return console.log(`nothing to take down: TESTBED_KUBECONFIG names ${own.kubeconfig}`);
    await down(name);
    console.log(`nothing is left of ${name}`);
  });

program
  .command('status')
  .description('list the clusters')
  .action(async () => {
    const own = ownCluster();
    if (own) return console.log(`TESTBED_KUBECONFIG names ${own.kubeconfig}`);
    const states = await list();
    for (const { name, kind, up, since } of states)
      console.log(`${name}\t${kind}\t${up ? 'up' : 'not up'}\tsince ${since}`);
    if (states.length === 0) console.log('no testbed');
  });

program
  .command('shell')
  .description('a shell where the cluster can be reached')
  .addOption(named())
  .action(async ({ name }: { name: string }) => {
    await runIn(await findOrFail(name), [process.env.SHELL ?? 'sh']);
  });

program
  .command('exec')
  .description('run a command where the cluster can be reached; its exit code is the one of this')
  .addOption(named())
  .argument('<command...>')
  .action(async (command: string[], { name }: { name: string }) => {
    await runIn(await findOrFail(name), command);
  });

async function findOrFail(name: string): Promise<Testbed> {
  const testbed = await find(name);
  if (!testbed) throw new Error(`the testbed ${name} is not up: run \`npm run testbed -- up --name ${name}\``);
  return testbed;
}

function runIn(testbed: Testbed, command: readonly string[]): Promise<void> {
  const [file = '', ...args] = testbed.argv(command);
  const child = spawn(file, args, { stdio: 'inherit' });
  // The terminal sends its signals to both; those sent to this process alone are passed on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('exit', (code, signal) => {
      process.exitCode = code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
      done();
    });
  });
}

program.parseAsync().catch((error) => {
  console.error(`testbed: ${messageOf(error)}`);
  process.exitCode = 1;
});
