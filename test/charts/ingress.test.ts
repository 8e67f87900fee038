import { describe, expect, it } from 'vitest';
import { loadOverlay } from '../../overlays/load.ts';
import type { OverlayInput } from '../../overlays/overlay.ts';
import { sample } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf, ofKind } from './objects.ts';

/** Where requests go: host and path → Service. */
function routes(objects: KubeObject[]): Record<string, string> {
  return Object.fromEntries(
    ofKind(objects, 'Ingress').flatMap(({ spec }) =>
      spec.rules.flatMap(({ host, http }: KubeObject) =>
        http.paths.map(({ path, backend }: KubeObject) => [host + path, backend.service.name]),
      ),
    ),
  );
}

describe('the hosts', () => {
  it('serve the API from the backend of their own colour, so that a preview never reaches the live backend', () => {
    expect(routes(objectsOf(loadOverlay('production')))).toEqual({
      'moneywise.app/api': 'backend',
      'moneywise.app/': 'web',
      'api.moneywise.app/': 'backend',
      'preview.moneywise.app/api': 'backend-preview',
      'preview.moneywise.app/': 'web-preview',
    });
  });

  it('have no preview where nothing is promoted', () => {
    expect(routes(objectsOf(loadOverlay('development')))).toEqual({
      'moneywise.localhost/api': 'backend',
      'moneywise.localhost/': 'web',
      'api.moneywise.localhost/': 'backend',
    });
  });

  const publicIngress = (ingress: OverlayInput['ingress']) => find(objectsOf(sample({ ingress })), 'Ingress', 'public');

  it('have a certificate and a class where the overlay names them', () => {
    const ingress = publicIngress({
      kind: 'ingress',
      className: 'traefik',
      tls: { kind: 'secret', secretName: 'tls' },
    });
    expect(ingress.spec).toMatchObject({
      ingressClassName: 'traefik',
      tls: [{ hosts: ['staging.moneywise.app', 'staging-api.moneywise.app'], secretName: 'tls' }],
    });
    expect(ingress.metadata).not.toHaveProperty('annotations');
    const plain = publicIngress({ kind: 'ingress' });
    expect(plain.spec).not.toHaveProperty('ingressClassName');
    expect(plain.spec).not.toHaveProperty('tls');
    expect(plain.metadata).not.toHaveProperty('annotations');
  });

  it('get certificates from cert-manager, a Secret for each Ingress, since two would fight over one', () => {
    const objects = objectsOf(sample({ ingress: { kind: 'ingress', tls: { kind: 'cert-manager', issuer: 'ca' } } }));
    const secrets = ofKind(objects, 'Ingress').map(({ metadata, spec }) => [
      metadata.annotations['cert-manager.io/cluster-issuer'],
      spec.tls[0].secretName,
    ]);
    expect(secrets).toEqual([
      ['ca', 'moneywise-tls'],
      ['ca', 'moneywise-tls-preview'],
    ]);
    const namespaced = { kind: 'cert-manager', issuer: 'ca', issuerKind: 'Issuer' } as const;
    const { annotations } = publicIngress({ kind: 'ingress', tls: namespaced }).metadata;
    expect(annotations).toEqual({ 'cert-manager.io/issuer': 'ca' });
  });

  it('send plain HTTP on by the annotations that the overlay names for its class', () => {
    const annotations = { 'traefik.ingress.kubernetes.io/router.middlewares': 'edge-https@kubernetescrd' };
    const ingress = publicIngress({ kind: 'ingress', redirect: { by: 'annotations', annotations } });
    expect(ingress.metadata.annotations).toEqual(annotations);
  });

  it('are HTTPRoutes of a Gateway where the overlay says so, with the same Services', () => {
    const gateway = { name: 'edge', namespace: 'gateways', listener: 'https', redirectListener: 'http' };
    const objects = objectsOf(sample({ ingress: { kind: 'gateway', gateway } }));
    expect(ofKind(objects, 'Ingress')).toEqual([]);
    const found = Object.fromEntries(ofKind(objects, 'HTTPRoute').map(({ metadata, spec }) => [metadata.name, spec]));
    expect(Object.keys(found)).toEqual([
      'staging.moneywise.app',
      'staging-api.moneywise.app',
      'public-redirect',
      'preview.staging.moneywise.app',
      'preview-redirect',
    ]);
    expect(found['preview.staging.moneywise.app']).toEqual({
      parentRefs: [{ name: 'edge', namespace: 'gateways', sectionName: 'https' }],
      hostnames: ['preview.staging.moneywise.app'],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/api' } }],
          backendRefs: [{ name: 'backend-preview', port: 3001 }],
        },
        { matches: [{ path: { type: 'PathPrefix', value: '/' } }], backendRefs: [{ name: 'web-preview', port: 3000 }] },
      ],
    });
    expect(found['public-redirect']).toEqual({
      parentRefs: [{ name: 'edge', namespace: 'gateways', sectionName: 'http' }],
      hostnames: ['staging.moneywise.app', 'staging-api.moneywise.app'],
      rules: [{ filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }] }],
    });
  });
});
