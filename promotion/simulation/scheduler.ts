/** What was waited for does not come about. */
export class NoEnd extends Error {}

/** Virtual time: things happen in order of their time, and time passes only between them. */
export interface Scheduler {
  /** Milliseconds since 1970, virtual. */
  readonly now: () => number;
  /**
   * Runs `task` that many milliseconds from now; tasks of the same time run in the order they were scheduled. One that
   * `wakes` somebody who awaits a promise is followed by all that they do until they wait again.
   */
  readonly after: (milliseconds: number, task: () => void, wakes?: boolean) => void;
  /** A number in [0, 1) from the seed: the only source of chance in a simulation. */
  readonly random: () => number;
  /** A whole number of milliseconds between two bounds, from the seed. */
  readonly between: (low: number, high: number) => number;
  /** Lets time pass until `over`; throws `NoEnd` when nothing is left to happen or `limit` milliseconds have passed before. */
  readonly runUntil: (over: () => boolean, limit: number) => Promise<void>;
}

interface Task {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  readonly wakes: boolean;
}

export function newScheduler(seed: number, start: number): Scheduler {
  let time = start;
  let order = 0;
  let state = seed >>> 0;
  const queue: Task[] = []; // a binary heap, earliest first

  const isBefore = (a: Task, b: Task) => a.at < b.at || (a.at === b.at && a.order < b.order);

  function push(task: Task): void {
    let i = queue.push(task) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (isBefore(queue[parent] as Task, task)) break;
      queue[i] = queue[parent] as Task;
      i = parent;
    }
    queue[i] = task;
  }

  function pop(): Task | undefined {
    const first = queue[0];
    const last = queue.pop();
    if (!first || !last || first === last) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && isBefore(queue[child + 1] as Task, queue[child] as Task)) child += 1;
      if (isBefore(last, queue[child] as Task)) break;
      queue[i] = queue[child] as Task;
      i = child;
    }
    queue[i] = last;
    return first;
  }

  // mulberry32
  function random(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  return {
    now: () => time,
    after(milliseconds, run, wakes = false) {
      order += 1;
      push({ at: time + Math.max(0, Math.round(milliseconds)), order, run, wakes });
    },
    random,
    between: (low, high) => low + Math.floor(random() * (high - low + 1)),
    async runUntil(over, limit) {
      const end = time + limit;
      for (let woken = true; ; ) {
        // Everything that was woken runs until it waits again, before time passes.
        if (woken) await new Promise(setImmediate);
        if (over()) return;
        const task = pop();
        if (!task)
          throw new NoEnd(`the simulation stands still at ${new Date(time).toISOString()}: nothing is left to happen`);
        if (task.at > end)
          throw new NoEnd(`the simulation did not come to an end within ${limit / 1000} s of virtual time`);
        time = task.at;
        task.run();
        woken = task.wakes;
      }
    },
  };
}
