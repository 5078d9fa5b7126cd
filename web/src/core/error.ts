// What the hub says when it refuses: its sentence and, where it gave one, its code. No DOM.

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly said: string,
    /** "postgres.slot_missing"; empty: none was told. */
    readonly code: string,
  ) {
    super(said);
  }
}

/** "what happened [code]", as the hub words errors of connectors. */
export function errorOf(status: number, text: string): ApiError {
  const found = /^([\s\S]*?)\s*\[([a-z_0-9]+\.[a-z_0-9.]+)\]\s*$/.exec(text);
  return found ? new ApiError(status, found[1]!, found[2]!) : new ApiError(status, text, "");
}

/** Of an answer that is none. */
export async function refusal(answer: Response): Promise<ApiError> {
  let said = `${answer.status} ${answer.statusText}`;
  try {
    said = ((await answer.json()) as { message?: string }).message ?? said;
  } catch {
    /* no JSON: the status line has to do */
  }
  return errorOf(answer.status, said);
}
