import { z } from 'zod';

const timeZone = z
  .string()
  .refine(isTimeZone, 'must be a time zone by its IANA name, e.g. Europe/Berlin')
  .default('UTC');

const weekTime = z
  .string()
  .regex(
    /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01]\d|2[0-3]):[0-5]\d$/,
    'must be a day and a time of the week, e.g. Fri 16:00',
  );

const moment = z.iso.datetime({
  offset: true,
  error: 'must be a time with its offset, e.g. 2026-12-23T16:00:00+01:00',
});

/** When nothing may be promoted. It begins at `from` and is over at `to`. */
export const freezeSchema = z.union([
  z
    .strictObject({
      /** RFC 3339. */
      from: moment,
      /** RFC 3339. */
      to: moment,
      /** Told to who is refused. */
      reason: z.string().min(1),
    })
    .refine(({ from, to }) => Date.parse(from) < Date.parse(to), { path: ['to'], error: 'must be after from' }),
  z
    .strictObject({
      /** Each week between two times of it, by the clocks of a time zone, e.g. from `Fri 16:00` to `Mon 08:00`. */
      weekly: z.strictObject({ from: weekTime, to: weekTime }),
      /** IANA name. */
      timeZone,
      reason: z.string().min(1),
    })
    .refine(({ weekly }) => weekly.from !== weekly.to, { path: ['weekly', 'to'], error: 'must not be from' }),
]);

export type Freeze = z.output<typeof freezeSchema>;

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** The freeze in force at a time, and when it is over, in words; undefined when releases may go on. */
export function freezeAt(freezes: readonly Freeze[], now: Date): { reason: string; until: string } | undefined {
  const freeze = freezes.find((each) =>
    'weekly' in each
      ? isWithin(
          minuteOfWeek(each.weekly.from),
          minuteOfWeek(each.weekly.to),
          minuteOfWeek(clockIn(each.timeZone, now)),
        )
      : Date.parse(each.from) <= now.getTime() && now.getTime() < Date.parse(each.to),
  );
  if (!freeze) return undefined;
  const until = 'weekly' in freeze ? `${freeze.weekly.to}, ${freeze.timeZone}` : freeze.to;
  return { reason: freeze.reason, until };
}

/** Whether a minute of the week is in a time of it that may go over its end. */
function isWithin(from: number, to: number, minute: number): boolean {
  return from < to ? from <= minute && minute < to : minute >= from || minute < to;
}

/** `Fri 16:00` as minutes since the week began. */
function minuteOfWeek(time: string): number {
  const [day = '', hour = '', minute = ''] = time.split(/[ :]/);
  return (DAYS.indexOf(day) * 24 + Number(hour)) * 60 + Number(minute);
}

/** What a wall clock with days shows there, e.g. `Fri 16:00`. */
function clockIn(timeZone: string, now: Date): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]));
  return `${parts.weekday} ${parts.hour}:${parts.minute}`;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
