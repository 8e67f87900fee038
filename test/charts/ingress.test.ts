import { describe, expect, it } from 'vitest';
import { loadOverlay } from '../../overlays/load.ts';
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

  it('have a certificate and a class where the overlay names them', () => {
    const ingress = find(
      objectsOf(sample({ ingress: { className: 'traefik', tlsSecretName: 'tls' } })),
      'Ingress',
      'public',
    );
    expect(ingress.spec).toMatchObject({
      ingressClassName: 'traefik',
      tls: [{ hosts: ['staging.moneywise.app', 'staging-api.moneywise.app'], secretName: 'tls' }],
    });
    const plain = find(objectsOf(sample({ ingress: {} })), 'Ingress', 'public');
    expect(plain.spec).not.toHaveProperty('ingressClassName');
    expect(plain.spec).not.toHaveProperty('tls');
    expect(plain.metadata).not.toHaveProperty('annotations');
  });
});
