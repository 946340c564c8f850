import { isObject, type JsonObject } from './codec.ts';
import { type Checked, isWhole, type Phase, phases } from './messages.ts';

/** An image that a call refers to. */
export interface ImageReference {
  /** Under which it was handed over; empty when the call has none. */
  readonly sharedId: string;
  /** As it came. */
  readonly meta: JsonObject;
}

/** A call as an algorithm gets it. */
export interface AlgorithmCallData {
  /** v0.2 only; the calls of v0.3 are `execute`. */
  readonly phase: Phase;
  readonly stepIndex: number;
  readonly stepDesc: string;
  readonly guideInfo: unknown;
  /** What is to be judged. */
  readonly cur: ImageReference;
  /** v0.3 only: what it is to be like. */
  readonly guide: ImageReference;
  /** v0.2 only: the product; empty otherwise. */
  readonly pid: string;
  readonly session: JsonObject;
  readonly userParams: JsonObject;
}

/** A call, checked. Fields may stand in `data` or beside it; those that are not known are not looked at. */
export function checkCall(body: JsonObject, generation: '0.3' | '0.2'): Checked<AlgorithmCallData> {
  const inner = isObject(body['data']) ? body['data'] : {};
  const field = (name: string): unknown => inner[name] ?? body[name];
  const phase = generation === '0.2' ? phases.find((known) => known === field('phase')) : 'execute';
  if (phase === undefined) return { ok: false, problem: 'unknown phase' };
  const stepIndex = field('step_index') ?? 1;
  if (!isWhole(stepIndex) || stepIndex < 1) {
    return { ok: false, problem: 'step_index must be a whole number of at least 1' };
  }
  const [curName, metaName] = generation === '0.2' ? ['shared_mem_id', 'image_meta'] : curNames;
  const cur = { sharedId: textOf(field(curName)), meta: objectOf(field(metaName)) };
  const guide = { sharedId: textOf(field('guide_image_shm_id')), meta: objectOf(field('guide_image_meta')) };
  if (generation === '0.3' && (cur.sharedId === '' || guide.sharedId === '')) {
    return { ok: false, problem: 'missing cur_image_shm_id/guide_image_shm_id' };
  }
  return {
    ok: true,
    value: {
      phase,
      stepIndex,
      stepDesc: textOf(field('step_desc')),
      guideInfo: field('guide_info') ?? [],
      cur,
      guide,
      pid: textOf(field('pid')),
      session: objectOf(field('session')),
      userParams: objectOf(field('user_params')),
    },
  };
}

const curNames = ['cur_image_shm_id', 'cur_image_meta'] as const;

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}
