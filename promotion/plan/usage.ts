/** A plan or a call that nobody can carry out: the message names the object, the field and the fix. Exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
