import { isObject, type JsonObject } from './codec.ts';

/** What an algorithm's hello says. */
export interface AlgorithmHello {
  /** As it was told; often `unknown`. */
  readonly sdkVersion: string;
  readonly capabilities: readonly string[];
  /** `0.3`: one call does it all; `0.2`: calls have phases. */
  readonly generation: '0.3' | '0.2';
}

/** What a runner's hello says. */
export interface RunnerHello {
  readonly runnerVersion: string;
  readonly heartbeatIntervalMs?: number;
  readonly heartbeatGraceMs?: number;
}

/** Phases of v0.2. */
export const phases = [
  'info',
  'pre',
  'execute',
  'setup',
  'teardown',
  'reset',
  'on_step_start',
  'on_step_finish',
] as const;

/** See {@link phases}. */
export type Phase = (typeof phases)[number];

/** A rectangle in an image, in pixels. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly label?: string;
  /** 0 to 1. */
  readonly score?: number;
}

/** Most rectangles of defects in a result. */
export const DEFECTS_MAX = 20;

/** How an image is described. */
export interface ImageMeta {
  readonly width: number;
  readonly height: number;
  readonly timestamp_ms: number;
  readonly camera_id: string;
  readonly color_space?: 'RGB' | 'BGR';
}

/** What a call brought when the algorithm worked: whether the part is good is another question. */
export interface ProcvisionResult {
  /** The business result; `undefined` where a phase has none. */
  readonly verdict: 'OK' | 'NG' | undefined;
  /** Why it is NG; empty otherwise. */
  readonly ngReason: string;
  readonly defectRects: readonly Rectangle[];
  readonly positionRects: readonly Rectangle[];
  readonly calibrationRects: readonly Rectangle[];
  readonly message: string;
  /** All of it, as it came. */
  readonly data: JsonObject;
}

/** How an algorithm answered a call. */
export type CallAnswer =
  | { readonly kind: 'result'; readonly result: ProcvisionResult }
  /** The technical status is ERROR, or the answer was an error frame. */
  | { readonly kind: 'error' /** Empty when it gave none. */; readonly errorCode: string; readonly message: string }
  /** The answer is not as the protocol has it. */
  | { readonly kind: 'invalid'; readonly problem: string };

/** Reads a value, or says what is wrong with it. */
export type Checked<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: string };

/** Largest major version of either side that this one speaks with. */
const MAJOR_MAX = 1;

/** Keys of an algorithm's frames. Others are counted. */
export const algorithmKeys: ReadonlySet<string> = new Set([
  'type',
  'request_id',
  'timestamp_ms',
  'status',
  'message',
  'data',
  'error_code',
  'sdk_version',
  'capabilities',
]);

/** Hello of an algorithm, checked. Fields that are not known are not looked at. */
export function checkAlgorithmHello(body: JsonObject): Checked<AlgorithmHello> {
  const { sdk_version: sdkVersion, capabilities, timestamp_ms: timestampMs } = body;
  if (typeof sdkVersion !== 'string') return wrong('sdk_version is not a text');
  if (timestampMs !== undefined && !isWhole(timestampMs)) return wrong('timestamp_ms is not a whole number');
  if (!Array.isArray(capabilities) || !capabilities.every((name) => typeof name === 'string')) {
    return wrong('capabilities is not a list of texts');
  }
  if (!capabilities.includes('call')) return wrong('it cannot be called: capabilities has no "call"');
  if (!isSpoken(sdkVersion)) return wrong(`sdk_version ${sdkVersion} is newer than what is spoken here`);
  const generation = capabilities.includes('execute') || !capabilities.includes('info') ? '0.3' : '0.2';
  return { ok: true, value: { sdkVersion, capabilities: capabilities as string[], generation } };
}

/** Hello of a runner, checked. */
export function checkRunnerHello(body: JsonObject): Checked<RunnerHello> {
  const { runner_version: runnerVersion, heartbeat_interval_ms: intervalMs, heartbeat_grace_ms: graceMs } = body;
  if (typeof runnerVersion !== 'string') return wrong('runner_version is not a text');
  if (!isSpoken(runnerVersion)) return wrong(`runner_version ${runnerVersion} is newer than what is spoken here`);
  if (intervalMs !== undefined && !isWhole(intervalMs)) return wrong('heartbeat_interval_ms is not a whole number');
  if (graceMs !== undefined && !isWhole(graceMs)) return wrong('heartbeat_grace_ms is not a whole number');
  return {
    ok: true,
    value: {
      runnerVersion,
      ...(intervalMs === undefined ? {} : { heartbeatIntervalMs: intervalMs }),
      ...(graceMs === undefined ? {} : { heartbeatGraceMs: graceMs }),
    },
  };
}

/** A result or an error that carries the id of a call, checked. */
export function checkAnswer(body: JsonObject): CallAnswer {
  const { status, data, error_code: errorCode } = body;
  const message = typeof body['message'] === 'string' ? body['message'] : '';
  if (body['type'] === 'error' || status === 'ERROR') {
    return { kind: 'error', errorCode: codeText(errorCode), message };
  }
  if (status !== 'OK') return { kind: 'invalid', problem: 'status is neither OK nor ERROR' };
  const checked = checkResultData(data ?? {});
  if (!checked.ok) return { kind: 'invalid', problem: checked.problem };
  return { kind: 'result', result: { ...checked.value, message } };
}

/** The data of a result, checked: what both ends refuse. Null is as if the field were absent: what Python's None becomes. */
export function checkResultData(data: unknown): Checked<Omit<ProcvisionResult, 'message'>> {
  if (!isObject(data)) return wrong('data is not an object');
  const verdict = data['result_status'] ?? undefined;
  const ngReason = data['ng_reason'] ?? '';
  const stepIndex = data['step_index'] ?? undefined;
  if (verdict !== undefined && verdict !== 'OK' && verdict !== 'NG') return wrong('result_status is neither OK nor NG');
  if (typeof ngReason !== 'string') return wrong('ng_reason is not a text');
  if (stepIndex !== undefined && !isWhole(stepIndex)) return wrong('step_index is not a whole number');
  const rectangles: Record<string, readonly Rectangle[]> = {};
  for (const name of ['defect_rects', 'position_rects', 'calibration_rects']) {
    const list = data[name] ?? [];
    if (!Array.isArray(list) || !list.every(isRectangle)) return wrong(`${name} is not a list of rectangles`);
    rectangles[name] = list;
  }
  const defectRects = rectangles['defect_rects'] ?? [];
  if (defectRects.length > DEFECTS_MAX) return wrong(`defect_rects has more than ${DEFECTS_MAX} entries`);
  return {
    ok: true,
    value: {
      verdict,
      ngReason,
      defectRects,
      positionRects: rectangles['position_rects'] ?? [],
      calibrationRects: rectangles['calibration_rects'] ?? [],
      data,
    },
  };
}

/** A code as text: numbers are taken too, as a document has them; empty when there is none. */
export function codeText(code: unknown): string {
  if (typeof code === 'string') return code;
  return typeof code === 'number' ? String(code) : '';
}

/** A whole number of at least 0. */
export function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRectangle(value: unknown): value is Rectangle {
  if (!isObject(value)) return false;
  const sizes = [value['x'], value['y'], value['width'], value['height']];
  return sizes.every((size) => typeof size === 'number' && Number.isFinite(size));
}

/** Texts that are no version, such as `unknown` or `desktop-runner`, say nothing against it. */
function isSpoken(version: string): boolean {
  const major = /^v?(\d{1,9})(?:\.|$)/.exec(version)?.[1];
  return major === undefined || Number(major) <= MAJOR_MAX;
}

function wrong(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}
