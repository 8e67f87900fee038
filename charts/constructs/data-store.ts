import { type Duration, Size } from 'cdk8s';
import { Construct } from 'constructs';
import type { Resources, Storage } from '../../overlays/overlay.ts';
import * as kplus from '../kplus.ts';
import type { Labels } from '../labels.ts';
import { pinSelector } from './pinned-selector.ts';
import { closed, restrictedPod } from './restricted.ts';
import { Service } from './service.ts';
import { serviceAccount } from './service-account.ts';

export interface DataStoreProps {
  /** Labels of the pod; the name label also names StatefulSet and Service. */
  readonly labels: Labels;
  readonly container: kplus.ContainerProps;
  /** Run beside it; their ports are those of the headless Service only. @default - none */
  readonly sidecars?: readonly kplus.ContainerProps[];
  /** User and group id of the process. */
  readonly uid: number;
  readonly storage: Storage;
  /** Where the container keeps its data. */
  readonly dataPath: string;
  /** How long the process may take to close its files. */
  readonly terminationGracePeriod: Duration;
}

/**
 * A stateful process of one pod: a StatefulSet, the headless Service that names its pod, and the Service that clients
 * use. A volume claim outlives both: deleting the StatefulSet deletes no data.
 */
export class DataStore extends Construct {
  /** What clients connect to. */
  readonly service: Service;
  readonly statefulSet: kplus.StatefulSet;

  constructor(scope: Construct, id: string, props: DataStoreProps) {
    super(scope, id);
    const name = props.labels['app.kubernetes.io/name'];
    const { container, sidecars = [] } = props;
    const portsOf = (...containers: kplus.ContainerProps[]) =>
      containers.flatMap(({ ports = [] }) => ports.map(({ name = '', number }) => ({ name, port: number })));
    const headless = new Service(this, 'Headless', {
      metadata: { name: `${name}-headless` },
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      ports: portsOf(container, ...sidecars),
    });
    this.statefulSet = new ClaimedStatefulSet(this, 'StatefulSet', {
      metadata: { name },
      service: headless,
      select: false,
      replicas: 1,
      serviceAccount: serviceAccount(this, name),
      containers: [container, ...sidecars],
      securityContext: restrictedPod(props.uid),
      terminationGracePeriod: props.terminationGracePeriod,
      storage: props.storage,
      dataPath: props.dataPath,
    });
    pinSelector(this.statefulSet, props.labels);
    headless.select(this.statefulSet);
    this.service = new Service(this, 'Client', {
      metadata: { name },
      selector: this.statefulSet,
      ports: portsOf(container),
    });
  }
}

interface ClaimedStatefulSetProps extends kplus.StatefulSetProps, Pick<DataStoreProps, 'storage' | 'dataPath'> {}

/** The name of the data volume; part of the claim's name, `data-<pod>`, and so never to be changed. */
const dataVolume = 'data';

/** A StatefulSet with a claim template, which this line of cdk8s-plus cannot express. */
class ClaimedStatefulSet extends kplus.StatefulSet {
  readonly #storage: Storage;

  constructor(scope: Construct, id: string, { storage, dataPath, ...props }: ClaimedStatefulSetProps) {
    super(scope, id, props);
    this.#storage = storage;
    const sizeLimit = Size.gibibytes(storage.sizeGibibytes);
    const volume = kplus.Volume.fromEmptyDir(this, 'Data', dataVolume, { sizeLimit });
    // The first container is the store itself.
    this.containers[0]?.mount(dataPath, volume);
  }

  /** @internal */
  override _toPodSpec(): kplus.k8s.PodSpec {
    const spec = closed(super._toPodSpec());
    if (this.#storage.kind === 'ephemeral') return spec;
    // The claim takes the place of the volume of the same name.
    return { ...spec, volumes: (spec.volumes ?? []).filter(({ name }) => name !== dataVolume) };
  }

  /** @internal */
  override _toKube(): kplus.k8s.StatefulSetSpec {
    // Zero is dropped by the API server, and then Argo CD finds a difference for ever.
    const { minReadySeconds, ...rest } = super._toKube();
    const spec = minReadySeconds ? { ...rest, minReadySeconds } : rest;
    if (this.#storage.kind === 'ephemeral') return spec;
    const { className, sizeGibibytes } = this.#storage;
    return {
      ...spec,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      volumeClaimTemplates: [
        {
          metadata: { name: dataVolume },
          spec: {
            accessModes: ['ReadWriteOnce'],
            ...(className ? { storageClassName: className } : {}),
            resources: { requests: { storage: kplus.k8s.Quantity.fromString(`${sizeGibibytes}Gi`) } },
          },
        },
      ],
    };
  }
}

/** Files of a volume that goes with the pod are on the node's disk, and count as the container's. */
export function withStorage(resources: Resources, storage: Storage): Resources {
  if (storage.kind === 'persistent') return resources;
  return { ...resources, scratchGibibytes: resources.scratchGibibytes + storage.sizeGibibytes };
}
