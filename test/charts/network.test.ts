import { describe, expect, it } from 'vitest';
import { loadOverlay } from '../../overlays/load.ts';
import type { Overlay } from '../../overlays/overlay.ts';
import { sample, sampleWithBucket } from '../overlays/samples.ts';
import { flowMatrix, type Party, podParties } from './flows.ts';
import { objectsOf, ofKind } from './objects.ts';

const pod = (name: string, namespace: string, labels: Record<string, string> = {}): Party => ({
  name,
  namespace,
  labels,
  ip: '10.244.1.1',
});

const outside: Party[] = [
  pod('entry', 'ingress'),
  pod('rollouts', 'argo-rollouts'),
  pod('prometheus', 'monitoring'),
  pod('dns', 'kube-system', { 'k8s-app': 'kube-dns' }),
  pod('other system pod', 'kube-system', { 'k8s-app': 'metrics-server' }),
  pod('neighbour', 'default', { 'app.kubernetes.io/name': 'backend' }),
  { name: 'internet', ip: '203.0.113.7' },
  { name: 'metadata service', ip: '169.254.169.254' },
  { name: 'managed database', ip: '10.20.17.4' },
  { name: 'managed cache', ip: '10.20.33.4' },
  { name: 'object storage', ip: '10.20.49.4' },
  { name: 'other machine', ip: '10.99.0.1' },
];

const ports = [22, 53, 80, 443, 3000, 3001, 5432, 6379, 6443, 8080, 9000, 9121, 9187, 10250];

const matrixOf = (overlay: Overlay) => {
  const objects = objectsOf(overlay);
  return flowMatrix(objects, [...podParties(objects), ...outside], ports);
};

const dns = (name: string) => [`${name} > dns TCP 53`, `${name} > dns UDP 53`];

describe('the flows that the network policies allow', () => {
  it('are those that exist and no other, with managed data stores', () => {
    expect(matrixOf(loadOverlay('staging')).sort()).toEqual(
      [
        'entry > backend TCP 3001',
        'entry > web TCP 3000',
        'rollouts > backend TCP 3001',
        'web-page > web TCP 3000',
        'backend > managed database TCP 5432',
        'backend > managed cache TCP 6379',
        'backend > internet TCP 443',
        'migration > managed database TCP 5432',
        ...['backend', 'migration', 'web-page'].flatMap(dns),
      ].sort(),
    );
  });

  it('are those that exist and no other, with data stores in the cluster', () => {
    expect(matrixOf(sample()).sort()).toEqual(
      [
        'entry > backend TCP 3001',
        'entry > web TCP 3000',
        'rollouts > backend TCP 3001',
        'web-page > web TCP 3000',
        'backend > postgres TCP 5432',
        'backend > redis TCP 6379',
        'backend > internet TCP 443',
        'migration > postgres TCP 5432',
        'backup > postgres TCP 5432',
        'prometheus > postgres TCP 9187',
        'prometheus > redis TCP 9121',
        ...['backend', 'migration', 'web-page', 'backup'].flatMap(dns),
      ].sort(),
    );
  });

  it('have no controller and no check where nothing is promoted', () => {
    expect(matrixOf(loadOverlay('development')).filter((flow) => /rollouts|web-page/.test(flow))).toEqual([]);
  });

  it('let the API server in where health checks go by way of it', () => {
    const { health, network } = sample();
    const overlay = sample({
      health: { ...health, checkVia: 'service' },
      network: { ...network, apiServerCidrs: ['10.99.0.0/24'] },
    });
    expect(matrixOf(overlay).filter((flow) => flow.startsWith('other machine'))).toEqual([
      'other machine > backend TCP 3001',
      'other machine > web TCP 3000',
    ]);
  });

  it('reach a DNS cache that is no pod where the overlay names its address', () => {
    const { network } = sample();
    const overlay = sample({ network: { ...network, dnsCidrs: ['10.99.0.1/32'] } });
    expect(matrixOf(overlay)).toContain('backend > other machine UDP 53');
  });

  it('let dumps go to the addresses of their bucket, by the port of its endpoint', () => {
    const [from, to] = ['backup', 'object storage'];
    const matrix = matrixOf(sampleWithBucket()).filter((flow) => flow.includes(to));
    expect(matrix).toEqual([`${from} > ${to} TCP 9000`]);
  });

  it('are on the ports that database and cache really have', () => {
    const { database } = sample();
    expect(matrixOf(sample({ database: { ...database, port: 6443 } }))).toContain('backend > postgres TCP 6443');
  });
});

it('denies everything to pods that no flow names', () => {
  const [deny] = ofKind(objectsOf(sample()), 'NetworkPolicy');
  expect(deny.metadata.name).toBe('default-deny');
  expect(deny.spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
});
