/**
 * `firstframe/sim`: the engine on virtual time and simulated links, for tests of code that must live with packet loss.
 * See docs/SIMULATION.md.
 */
export type { ReceivedFrame } from '../media/access-unit.ts';
export type { ReceiveStats } from '../media/receive-stats.ts';
export { EventQueue } from './event-queue.ts';
export type { HostClock, WakeOrder } from './host.ts';
export { InvariantWatch, type InvariantWatchOptions } from './invariants/invariant-watch.ts';
export type { Violation } from './invariants/violation.ts';
export { type Deliver, Link, type LinkCounters } from './link.ts';
export { type BurstModel, bursts, type LinkModel, type LinkPair, type LossReason, lossReasons } from './link-model.ts';
export { type LinkPreset, type PresetName, presets } from './presets.ts';
export { Prng } from './prng.ts';
export { Recorder } from './recorder.ts';
export { type DiagramOptions, sequenceDiagram } from './sequence-diagram.ts';
export {
  type HandshakeReport,
  type JoinOptions,
  type Simulation,
  type SimulationOptions,
  simulate,
} from './simulate.ts';
export { h264Frames, type SimulatedFrame, testFrames } from './simulated-stream.ts';
export type { FrameInTime, SimulatedEnd, SimulatedViewer } from './simulated-viewer.ts';
export type { Viewer } from './viewer.ts';
export { type SendFault, type ViewerOptions, World, type WorldOptions } from './world.ts';
export type { HostFault, HostName, TappedDatagram, WorldEvent } from './world-event.ts';
