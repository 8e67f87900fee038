import type { Construct } from 'constructs';
import * as kplus from '../kplus.ts';

/** An identity of its own for a workload, without a token: nothing of MoneyWise talks to the API server. */
export function serviceAccount(scope: Construct, name: string): kplus.IServiceAccount {
  const account = new kplus.ServiceAccount(scope, 'service-account', { metadata: { name }, automountToken: false });
  // The library's class does not meet its own interface under exactOptionalPropertyTypes.
  return account as kplus.IServiceAccount;
}
