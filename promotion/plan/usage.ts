/** A plan or a call that nobody can carry out: the message names the object, the field and the fix. Exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** Something that a command needs does not answer, or is too busy: the same call may succeed later. Exit code 8. */
export class UnreachableError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnreachableError';
  }
}
