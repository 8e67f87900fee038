import * as kplus from '../kplus.ts';

/** A port that is called the same in the container and in the Service. */
export interface NamedPort {
  readonly name: string;
  readonly number: number;
}

/** A Service that reaches container ports by their names, so that a number is written once. */
export class Service extends kplus.Service {
  /** @internal */
  override _toKube(): kplus.k8s.ServiceSpec {
    const { externalIPs: _, selector, ...spec } = super._toKube();
    return {
      ...spec,
      ...(selector && Object.keys(selector).length > 0 ? { selector } : {}),
      ports: (spec.ports ?? []).map((port) => ({
        ...port,
        targetPort: kplus.k8s.IntOrString.fromString(port.name ?? String(port.port)),
      })),
    };
  }

  /** The name of the one port, as an Ingress refers to it. */
  get portName(): string {
    const [port] = this.ports;
    if (!port?.name) throw new Error(`Service ${this.name} has no named port; give ports: [{ name, port }]`);
    return port.name;
  }
}

/** The ports of a workload's containers, for the Service in front of it. */
export function servicePorts(workload: kplus.Workload): kplus.ServicePort[] {
  const ports = workload.containers.flatMap((container) => container.ports);
  if (ports.length === 0) throw new Error(`${workload.node.path} has no container port; a Service needs one`);
  return ports.map(({ name, number }) => {
    if (!name) throw new Error(`${workload.node.path}: port ${number} has no name; Services refer to ports by name`);
    return { name, port: number };
  });
}
