import { FrameType, type FrameTypeValue } from '../protocol/frame.ts';

/** Frames of which a machine asks nothing but that they came. */
export interface PlainEvent {
  readonly type:
    | 'frame.READY'
    | 'frame.BYE_ACK'
    | 'frame.PATH_CHALLENGE'
    | 'frame.PATH_RESPONSE'
    | 'frame.TOKEN'
    | 'frame.exchange';
}

const exchange: PlainEvent = { type: 'frame.exchange' };

const events: Partial<Record<FrameTypeValue, PlainEvent>> = {
  [FrameType.READY]: { type: 'frame.READY' },
  [FrameType.BYE_ACK]: { type: 'frame.BYE_ACK' },
  [FrameType.PATH_CHALLENGE]: { type: 'frame.PATH_CHALLENGE' },
  [FrameType.PATH_RESPONSE]: { type: 'frame.PATH_RESPONSE' },
  [FrameType.TOKEN]: { type: 'frame.TOKEN' },
  [FrameType.NOTIFY]: exchange,
  [FrameType.REQUEST]: exchange,
  [FrameType.RECEIPT]: exchange,
  [FrameType.RESPONSE]: exchange,
  [FrameType.CONTINUE]: exchange,
};

/** The event of a frame that needs no judging; `undefined` for one that does, and for START. */
export function plainEvent(type: FrameTypeValue): PlainEvent | undefined {
  return events[type];
}
