/** A sink cannot take media, or cannot go on. Its message says why, and what to try next. */
export class SinkError extends Error {
  override readonly name = 'SinkError';
  /** What went wrong, without the advice. */
  readonly problem: string;
  /** What to try next. */
  readonly hint: string;

  constructor(problem: string, hint: string, options?: ErrorOptions) {
    super(`${problem}; ${hint}`, options);
    this.problem = problem;
    this.hint = hint;
  }
}
