import { type Pair, remove, set } from './pair.ts';

/** A wanted pod template, and the live one of a cluster that has filled in defaults. */
export const USUAL_TEMPLATES = {
  wanted: {
    metadata: { labels: { app: 'backend' }, annotations: { 'a.limits.b': '1Gi' } },
    spec: {
      containers: [
        {
          name: 'main',
          image: 'backend@sha256:1',
          args: ['a', 'b'],
          tty: false,
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '1Gi' },
          ],
          resources: { limits: { cpu: '1500m', memory: '1024Mi' }, requests: { cpu: 1 } },
          lifecycle: {},
        },
      ],
      volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '0.5Gi' } }],
    },
  },
  live: {
    metadata: { labels: { app: 'backend' }, annotations: { 'a.limits.b': '1Gi' }, creationTimestamp: null },
    spec: {
      containers: [
        {
          name: 'main',
          image: 'backend@sha256:1',
          args: ['a', 'b'],
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '1Gi' },
          ],
          resources: { limits: { cpu: '1.5', memory: '1Gi' }, requests: { cpu: '1000m' } },
          imagePullPolicy: 'IfNotPresent',
        },
      ],
      volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '512Mi' } }],
      restartPolicy: 'Always',
    },
  } as object,
};

const MAIN = '/live/spec/containers/0';

export const TEMPLATES: readonly Pair[] = [
  { name: 'another image', bad: set(`${MAIN}/image`, 'backend@sha256:2') },
  { name: 'a little more memory', bad: set(`${MAIN}/resources/limits/memory`, '1025Mi') },
  { name: 'decimal instead of binary memory', bad: set(`${MAIN}/resources/limits/memory`, '1024M') },
  { name: 'a thousandth of the CPU', bad: set(`${MAIN}/resources/requests/cpu`, '1m') },
  { name: 'a limit that is no quantity', bad: set(`${MAIN}/resources/limits/memory`, 'lots') },
  { name: 'a limit that is gone', bad: remove(`${MAIN}/resources/limits/memory`) },
  {
    name: 'two limits that are both no quantity',
    given: [
      set('/wanted/spec/containers/0/resources/limits/memory', 'much'),
      set(`${MAIN}/resources/limits/memory`, 'much'),
    ],
    bad: set(`${MAIN}/resources/limits/memory`, 'more'),
  },
  { name: 'another size of a volume', bad: set('/live/spec/volumes/0/emptyDir/sizeLimit', '513Mi') },
  { name: 'text that only looks like a quantity', bad: set(`${MAIN}/env/1/value`, '1024Mi') },
  {
    name: 'an annotation that only looks like a quantity',
    bad: set('/live/metadata/annotations/a.limits.b', '1024Mi'),
  },
  { name: 'a list in another order', bad: set(`${MAIN}/args`, ['b', 'a']) },
  { name: 'a list that is longer', bad: set(`${MAIN}/args/-`, 'c') },
  { name: 'a list that is shorter', bad: remove(`${MAIN}/args/1`) },
  { name: 'a list that is gone', bad: remove(`${MAIN}/args`) },
  { name: 'a false that became true', bad: set(`${MAIN}/tty`, true) },
  { name: 'a variable that is gone', bad: remove(`${MAIN}/env/0/value`) },
  { name: 'a text instead of a number', bad: set(`${MAIN}/env/0/value`, 1) },
  { name: 'a label that is gone', bad: remove('/live/metadata/labels/app') },
  { name: 'labels that are gone', bad: remove('/live/metadata/labels') },
  { name: 'a container more', bad: set('/live/spec/containers/-', { name: 'sidecar' }) },
  { name: 'no containers', bad: remove('/live/spec/containers') },
  { name: 'nothing', bad: remove('/live') },
];
