import type { Overlay } from '../overlays/overlay.ts';

/** The recommended labels of one component, on its objects and on its pods. */
export interface Labels {
  readonly [label: string]: string;
  readonly 'app.kubernetes.io/name': string;
  readonly 'app.kubernetes.io/instance': string;
  readonly 'app.kubernetes.io/component': string;
}

/** What a component is called, e.g. `backend`, and the part it plays, e.g. `api`; data stores have no version here. */
export function labelsOf(overlay: Overlay, name: string, component: string, version?: string): Labels {
  return {
    'app.kubernetes.io/name': name,
    'app.kubernetes.io/instance': overlay.name,
    'app.kubernetes.io/component': component,
    'app.kubernetes.io/part-of': 'moneywise',
    'app.kubernetes.io/managed-by': 'cdk8s',
    ...(version === undefined ? {} : { 'app.kubernetes.io/version': version }),
  };
}
