import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { newFolder } from './folder.ts';
import { kubectl } from './kubectl.ts';

/** A way to the API server that can be cut, as a VPN. */
export interface Tunnel {
  /** A kubeconfig that goes through it. */
  readonly kubeconfig: string;
  /** From now on nobody gets through, and who was through is cut off. */
  readonly cut: () => void;
  readonly mend: () => void;
  readonly close: () => void;
}

/** Opens a way to the API server of the kubeconfig in use. TLS goes through as it is: the server's certificate is for loopback, too. */
export async function openTunnel(): Promise<Tunnel> {
  const config = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '-o', 'json']));
  const there = new URL(config.clusters[0].cluster.server);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((socket) => {
    if (isCut) {
      socket.destroy();
      return;
    }
    const onward = connect(Number(there.port), there.hostname);
    for (const [end, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(end);
      end.pipe(other);
      end
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(end);
          other.destroy();
        });
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  config.clusters[0].cluster.server = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kubeconfig = join(await newFolder('kubeconfig'), 'config');
  await writeFile(kubeconfig, JSON.stringify(config));
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    kubeconfig,
    cut,
    mend: () => {
      isCut = false;
    },
    close: () => {
      cut();
      server.close();
    },
  };
}
