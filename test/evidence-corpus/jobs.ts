import { type Pair, remove, set } from './pair.ts';

/** A release Job as the API server shows it when it is complete. */
export const USUAL_JOB = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'migrate', uid: 'job-uid' },
  status: {
    conditions: [
      { type: 'SuccessCriteriaMet', status: 'True' },
      { type: 'Complete', status: 'True' },
    ],
  },
};

export const JOBS: readonly Pair[] = [
  { name: 'the Job is not complete, only about to be', bad: remove('/status/conditions/1') },
  { name: 'the Job says that it is not complete', bad: set('/status/conditions/1/status', 'False') },
  { name: 'the Job does not know whether it is complete', bad: set('/status/conditions/1/status', 'Unknown') },
  { name: 'the Job failed', bad: set('/status/conditions/1/type', 'Failed') },
  { name: 'the Job is complete and failed', bad: set('/status/conditions/-', { type: 'Failed', status: 'True' }) },
  { name: 'the Job is suspended', bad: set('/status/conditions/1/type', 'Suspended') },
  { name: 'the Job has no conditions', bad: remove('/status/conditions') },
  { name: 'the Job has no status', bad: remove('/status') },
  { name: 'the Job has another name', bad: set('/metadata/name', 'migrate-v1') },
];
