// An algorithm of the recorded scenarios, made with the SDK. Its manners are the first argument; `lenient` as the second.
import { spawnSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { procvisionAlgorithm } from '../../dist/src/neighbours/procvision/index.js';

const [manners = 'normal', lenient = ''] = process.argv.slice(2);
let executes = 0;

/** @param {number} ms */
const spin = (ms) => {
  const untilMs = Date.now() + ms;
  while (Date.now() < untilMs);
};

/** @type {Record<string, any>} */
const executions = {
  /** @param {any} call */
  normal: ({ stepDesc, guideInfo, cur }) => ({
    status: 'OK',
    message: 'm',
    data: {
      result_status: 'NG',
      ng_reason: '划痕',
      defect_rects: [{ x: 1, y: 2, width: 3, height: 4, label: 'd', score: 0.5 }],
      n: ++executes,
      step_desc: stepDesc,
      guide_info: guideInfo,
      cur_shape: [cur.meta.height, cur.meta.width, 3],
    },
  }),
  // Nothing but this loop runs in its process for so long.
  busy: () => {
    spin(1500);
    return { data: { result_status: 'OK', defect_rects: [] } };
  },
  /** @param {any} call */
  prints: ({ stepIndex }) => {
    process.stdout.write('a line for whoever reads it\n');
    writeSync(1, 'and one past Node\n');
    return { data: { result_status: 'OK', defect_rects: [], debug: { step_index: stepIndex } } };
  },
  /** @param {any} call */
  looks: (call) => {
    const told = [call.curImage(), call.guideImage()].map((image) => {
      if (image === undefined) return 'none';
      const bytes = image.kind === 'pixels' ? image.data : image.bytes;
      return `${image.kind} ${Buffer.from(bytes).toString('hex')}`;
    });
    return { data: { result_status: 'OK', told } };
  },
  printsOnce: () => {
    executes++;
    if (executes === 2) writeSync(1, 'x'.repeat(100_000));
    if (executes === 3) spawnSync('/bin/echo', ['from a child'], { stdio: 'inherit' });
    return { data: { result_status: 'OK' } };
  },
  number: () => 7,
  throws: () => {
    throw new Error('boom\nand what nobody else should read');
  },
  unloadable: () => ({}),
  nan: () => ({ data: { result_status: 'OK', score: Number.NaN } }),
  exits: () => process.exit(5),
  forever: () => {
    for (;;);
  },
};

const rectangle = { x: 1, y: 1, width: 2, height: 2, label: 'pos' };
const phases = {
  info: () => ({ data: { info: { name: 'algorithm-example', version: '1.0' } } }),
  pre: () => ({ message: 'ready', data: { calibration_rects: [rectangle] } }),
};
/** @param {{ stepIndex: number }} call */
const odd = ({ stepIndex }) =>
  stepIndex % 2 === 1
    ? { data: { result_status: 'NG', ng_reason: 'odd', defect_rects: [rectangle], debug: { latency_ms: 1 } } }
    : { data: { result_status: 'OK', position_rects: [rectangle], debug: { latency_ms: 1 } } };

procvisionAlgorithm({
  execute: manners === 'phases' ? odd : executions[manners],
  ...(manners === 'phases' ? { phases } : {}),
  load: () => {
    if (manners === 'printsOnce') process.stdout.write('while it is loaded\n');
    if (manners === 'unloadable') throw new Error("No module named 'nosuch'");
  },
  lenient: lenient === 'lenient',
});
