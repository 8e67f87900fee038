import type { Construct } from 'constructs';
import * as kplus from '../kplus.ts';

/** How the registry is asked for images. */
export interface ImageAccess {
  /** The Secret with the login. @default - none, the images are public */
  readonly pullSecretName?: string | undefined;
}

/** An identity of its own for a workload, without a token: nothing of MoneyWise talks to the API server. */
export function serviceAccount(scope: Construct, name: string, images: ImageAccess = {}): kplus.IServiceAccount {
  const { pullSecretName } = images;
  new kplus.k8s.KubeServiceAccount(scope, 'service-account', {
    metadata: { name },
    automountServiceAccountToken: false,
    // Here and not in each pod, so that it also reaches the pods of Jobs that the Rollouts controller makes.
    ...(pullSecretName ? { imagePullSecrets: [{ name: pullSecretName }] } : {}),
  });
  return kplus.ServiceAccount.fromServiceAccountName(scope, 'service-account-name', name);
}
