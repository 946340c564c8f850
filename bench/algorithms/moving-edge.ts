/**
 * An example of an algorithm: NG when the picture has changed against the guide, with the rectangle in which it did.
 *
 * firstframe view 127.0.0.1/cam --inspect 'node dist/bench/algorithms/moving-edge.js'
 */
import {
  type AlgorithmCall,
  type AlgorithmReturn,
  procvisionAlgorithm,
} from '../../src/neighbours/procvision/index.ts';

/** Differences of brightness below it are noise of the encoder, 0 to 255. */
const NOISE = 24;
/** Part of the pixels that may differ in a picture that is good. */
const CHANGED_MAX = 0.01;
/** Pixels are looked at in steps of so many, across and down. */
const STEP = 4;

function execute(call: AlgorithmCall): AlgorithmReturn {
  const cur = call.curImage();
  const guide = call.guideImage();
  if (cur?.kind !== 'pixels' || guide?.kind !== 'pixels') {
    return { status: 'ERROR', error_code: '1002', message: 'there are no pixels' };
  }
  const { width, height } = cur;
  if (guide.width !== width || guide.height !== height) {
    return { status: 'ERROR', error_code: '1006', message: 'the guide has another size' };
  }
  let [looked, changed, sum] = [0, 0, 0];
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y += STEP) {
    for (let x = 0; x < width; x += STEP) {
      const at = 3 * (y * width + x);
      const brightness = brightnessAt(cur.data, at);
      looked++;
      sum += brightness;
      if (Math.abs(brightness - brightnessAt(guide.data, at)) <= NOISE) continue;
      changed++;
      left = Math.min(left, x);
      top = Math.min(top, y);
      right = Math.max(right, x + STEP);
      bottom = Math.max(bottom, y + STEP);
    }
  }
  const part = changed / looked;
  const debug = { changed: part, brightness: sum / looked };
  if (part <= CHANGED_MAX) return { data: { result_status: 'OK', defect_rects: [], debug } };
  const rectangle = { x: left, y: top, width: right - left, height: bottom - top, label: 'changed', score: part };
  const reason = `${(100 * part).toFixed(1)} % of the picture changed`;
  return { data: { result_status: 'NG', ng_reason: reason, defect_rects: [rectangle], debug } };
}

function brightnessAt(data: Uint8Array, at: number): number {
  return ((data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0)) / 3;
}

procvisionAlgorithm({ execute });
