import { type ApiObject, Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Overlay } from '../overlays/overlay.ts';
import type { Labels } from './labels.ts';

/** One output file: its objects share a namespace and the labels of the component they belong to. */
export class OverlayChart extends Chart {
  /** @param file name of the output file, without extension */
  constructor(scope: Construct, file: string, overlay: Overlay, labels: Labels) {
    super(scope, file, { namespace: overlay.namespace, labels });
  }

  /**
   * Names are contracts (DNS, volume claims, selectors), so none is derived from where a construct stands in the tree:
   * there, two objects could silently get one name, and moving a construct would rename the object.
   */
  override generateObjectName(object: ApiObject): string {
    throw new Error(`${object.node.path}: ${object.kind} has no name; give metadata.name`);
  }
}
