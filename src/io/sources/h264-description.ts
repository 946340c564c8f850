import { PAYLOAD_TYPE_H264 } from '../../media/rtp.ts';
import type { SourceDescription } from '../media-source.ts';

/** Describes an H.264 stream by what is known of it. */
export function describeH264(
  parameterSets: readonly Uint8Array[],
  framesPerSecond: number | undefined,
  payloadType: number = PAYLOAD_TYPE_H264,
): SourceDescription {
  return {
    format: 'h264',
    payloadType,
    ...(parameterSets.length > 0 ? { spropParameterSets: parameterSets } : {}),
    ...(framesPerSecond === undefined ? {} : { framerate: framesPerSecond }),
  };
}
