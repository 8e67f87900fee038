import { ApiObject, Lazy } from 'cdk8s';
import type { Construct } from 'constructs';
import * as kplus from '../kplus.ts';
import type { Labels } from '../labels.ts';
import { pinSelector } from './pinned-selector.ts';
import { type ServedWorkloadProps, servedPodTemplate } from './pod-template.ts';
import { Service, servicePorts } from './service.ts';

export interface RollingDeploymentProps extends ServedWorkloadProps {
  /** Labels of the Deployment's pods; the name label also names the Deployment and its Service. */
  readonly labels: Labels;
}

/**
 * A Deployment with one Service: a new version replaces the old one as soon as its pods are ready. It renders its pods
 * as `BlueGreenRollout` does, which is why it is no `kplus.Deployment`.
 */
export class RollingDeployment extends kplus.Workload {
  readonly service: Service;
  readonly resourceType = 'deployments';
  readonly apiObject: ApiObject;
  readonly #props: RollingDeploymentProps;

  constructor(scope: Construct, id: string, props: RollingDeploymentProps) {
    super(scope, id, { ...props, select: false });
    this.#props = props;
    const name = props.labels['app.kubernetes.io/name'];
    this.apiObject = new ApiObject(this, 'Resource', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { ...props.metadata, name },
      spec: Lazy.any({ produce: () => this.#spec() }),
    });
    pinSelector(this, props.labels);
    this.service = new Service(this, 'Service', { metadata: { name }, selector: this, ports: servicePorts(this) });
  }

  #spec(): object {
    return {
      ...kplus.k8s.toJson_DeploymentSpec({
        ...(this.#props.replicas === undefined ? {} : { replicas: this.#props.replicas }),
        revisionHistoryLimit: this.#props.revisionHistoryLimit ?? 5,
        selector: this._toLabelSelector(),
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: kplus.k8s.IntOrString.fromNumber(0) } },
        template: {},
      }),
      template: servedPodTemplate(this, this.#props, 'pod-template-hash'),
    };
  }
}
