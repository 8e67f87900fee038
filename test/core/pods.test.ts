import { describe, expect, it } from 'vitest';
import type { Pod } from '../../promotion/cluster/objects.ts';
import { newJournal } from '../../promotion/core/decide.ts';
import type { Ask } from '../../promotion/core/journal.ts';
import { type MemberView, viewOf } from '../../promotion/core/member.ts';
import { podsOf } from '../../promotion/core/pods.ts';
import { all, withObject } from './moment.ts';
import { memberOf, NEW, NOW, OLD, observationOf, planFor, type State, stateAt } from './state.ts';

const SINCE = NOW - 60_000;
const member = memberOf('backend');

function verdictOf(changed: (state: State) => State, ask: Ask = 'promote', change = (view: MemberView) => view) {
  const observation = observationOf(changed(stateAt('prepared')));
  const view = change(viewOf(member, observation, undefined));
  const situation = { plan: planFor([member]), journal: newJournal(NOW, ask), views: [view], observation, now: NOW };
  return podsOf(view, situation, SINCE);
}
const POD = `backend-${NEW}-aaaaa`;
const past = { terminated: { reason: 'Error', exitCode: 1 } };
const restarted = (kind: 'containerStatuses' | 'initContainerStatuses', restartCount = 1) =>
  withObject('pods', POD, (pod) => ({
    ...pod,
    status: { ...pod.status, [kind]: [{ name: 'main', ready: true, restartCount, lastState: past }] } as NonNullable<
      Pod['status']
    >,
  }));

describe('what the pods of a member say', () => {
  it('is good where all of the current revision are', () => {
    expect(verdictOf((s) => s).verdict).toBe('pass');
  });

  it('is told by those of the current revision alone', () => {
    const gone = withObject('pods', POD, () => undefined);
    expect(verdictOf(gone).verdict).not.toBe('pass');
    expect(verdictOf(withObject('pods', `backend-${OLD}-aaaaa`, () => undefined)).verdict).toBe('pass');
    const foreign = withObject('pods', POD, (pod) => ({ ...pod, metadata: { ...pod.metadata, ownerReferences: [] } }));
    expect(verdictOf(foreign).verdict).not.toBe('pass');
  });

  it('is unknown where there is no ReplicaSet, no revision or no Rollout', () => {
    const none = { verdict: 'unknown', final: false, reason: 'its ReplicaSet is not there' };
    expect(verdictOf(withObject('replicaSets', `backend-${NEW}`, () => undefined))).toEqual(none);
    expect(
      verdictOf(
        (s) => s,
        'promote',
        ({ current: _, ...view }) => view,
      ),
    ).toEqual(none);
    expect(
      verdictOf(
        (s) => s,
        'promote',
        ({ rollout: _, ...view }) => view,
      ),
    ).toEqual(none);
  });

  it('is bad where one was restarted, but not of what befell it before a rollback came back to it', () => {
    for (const kind of ['containerStatuses', 'initContainerStatuses'] as const) {
      const changed = restarted(kind);
      if (kind === 'containerStatuses') expect(verdictOf(changed).verdict).toBe('fail');
      expect(verdictOf(changed, 'rollback').verdict).toBe('pass');
    }
  });

  it('is not known in a rollback either of a pod that says nothing', () => {
    const silent = withObject('pods', POD, ({ status: _, ...pod }) => pod);
    expect(verdictOf(all(silent), 'rollback').verdict).not.toBe('pass');
  });
});
