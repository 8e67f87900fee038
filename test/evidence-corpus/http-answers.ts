import { type Pair, remove, set } from './pair.ts';

/** One answer and what is expected of it; what is good here is `{"status":"ok","version":"v2"}` with status 200. */
export const USUAL_ANSWER = {
  answer: { status: 200, body: '{"status":"ok","version":"v2","checks":{"database":{"up":true,"lag":0}}}' },
  expect: {
    status: 200,
    json: { status: 'ok', version: 'v2' } as { [path: string]: string | number | boolean },
    body: '"version"',
  },
};

const BODY = '/answer/body';
const expected = (json: object) => [set('/expect/json', json), remove('/expect/body')];

export const HTTP_ANSWERS: readonly Pair[] = [
  { name: 'a good body comes with status 500', bad: set('/answer/status', 500) },
  { name: 'a good body comes with status 201 instead of 200', bad: set('/answer/status', 201) },
  { name: 'a redirect is not the answer', bad: set('/answer/status', 302) },
  { name: 'status 0 is not an answer', bad: set('/answer/status', 0) },
  { name: 'the body is empty', bad: set(BODY, '') },
  { name: 'the body is a page that only contains the words', bad: set(BODY, '<p>{"status":"ok","version":"v2"}</p>') },
  { name: 'the JSON is cut off', bad: set(BODY, '{"status":"ok","version":"v2"') },
  { name: 'something follows the JSON', bad: set(BODY, '{"status":"ok","version":"v2"} <!-- -->') },
  { name: 'the old version answered', bad: set(BODY, '{"status":"ok","version":"v1"}') },
  { name: 'a longer version answered', bad: set(BODY, '{"status":"ok","version":"v21"}') },
  { name: 'the version is missing', given: expected({ version: 'v2' }), bad: set(BODY, '{"status":"ok"}') },
  { name: 'the answer is null', given: expected({ status: 'ok' }), bad: set(BODY, 'null') },
  { name: 'the answer is a list', given: expected({ status: 'ok' }), bad: set(BODY, '[{"status":"ok"}]') },
  { name: 'the answer is the text ok', given: expected({ status: 'ok' }), bad: set(BODY, '"ok"') },
  {
    name: 'true as text',
    given: expected({ 'checks.database.up': true }),
    bad: set(BODY, '{"checks":{"database":{"up":"true"}}}'),
  },
  {
    name: 'a number as text',
    given: expected({ 'checks.database.lag': 0 }),
    bad: set(BODY, '{"checks":{"database":{"lag":"0"}}}'),
  },
  {
    name: 'null where 0 is wanted',
    given: expected({ 'checks.database.lag': 0 }),
    bad: set(BODY, '{"checks":{"database":{"lag":null}}}'),
  },
  {
    name: 'the path to the value ends early',
    given: expected({ 'checks.database.up': true }),
    bad: set(BODY, '{"checks":null}'),
  },
  {
    name: 'the first value is right and the second is not',
    given: expected({ status: 'ok', 'checks.database.up': true }),
    bad: set(BODY, '{"status":"ok","checks":{"database":{"up":false}}}'),
  },
  {
    name: 'the wanted text is not in the body',
    given: [remove('/expect/json')],
    bad: set(BODY, '{"status":"ok","release":"v2"}'),
  },
  { name: 'no content where content is wanted', given: [remove('/expect/json')], bad: set('/answer/status', 204) },
];

/** What a check with five tries and three samples hears, try by try: a status, or `none` for no answer. */
export interface Conversation {
  readonly name: string;
  readonly bad: readonly (number | 'none')[];
  readonly good: readonly (number | 'none')[];
}

export const CONVERSATIONS: readonly Conversation[] = [
  { name: 'two good answers are fewer than three', bad: [500, 500, 500, 200, 200], good: [500, 500, 200, 200, 200] },
  {
    name: 'good answers that do not follow each other',
    bad: [200, 200, 500, 200, 200],
    good: [200, 500, 200, 200, 200],
  },
  { name: 'silence between good answers', bad: [200, 200, 'none', 200, 200], good: [200, 'none', 200, 200, 200] },
  {
    name: 'silence all the time',
    bad: ['none', 'none', 'none', 'none', 'none'],
    good: ['none', 'none', 200, 200, 200],
  },
  { name: 'silence at the end', bad: [200, 500, 200, 200, 'none'], good: [200, 500, 200, 200, 200] },
  { name: 'a wrong answer at the end', bad: [500, 500, 200, 200, 500], good: [500, 500, 200, 200, 200] },
];
