/** As much of `@roamhq/wrtc`, which has Chrome’s implementation for Node, as a comparison needs. */
export interface WebRtc {
  readonly RTCPeerConnection: new (configuration: { readonly iceServers: readonly never[] }) => PeerConnection;
  readonly nonstandard: {
    readonly RTCVideoSource: new () => VideoSource;
    readonly RTCVideoSink: new (track: VideoTrack) => VideoSink;
  };
}

/** A track of video, which is only handed on. */
export type VideoTrack = object;

/** A side's words about a session: an offer or an answer. */
export interface Description {
  readonly type: string;
  readonly sdp: string;
}

/** A way to a side. */
export type Candidate = object;

/** See the standard. */
export interface PeerConnection {
  onicecandidate: ((event: { readonly candidate: Candidate | null }) => void) | null;
  ontrack: ((event: { readonly track: VideoTrack }) => void) | null;
  onconnectionstatechange: (() => void) | null;
  readonly connectionState: string;
  addTransceiver(kind: string, options: { readonly direction: string }): void;
  addTrack(track: VideoTrack): void;
  createOffer(): Promise<Description>;
  createAnswer(): Promise<Description>;
  setLocalDescription(description: Description): Promise<void>;
  setRemoteDescription(description: Description): Promise<void>;
  addIceCandidate(candidate: Candidate): Promise<void>;
  close(): void;
}

/** Pictures that are sent. */
export interface VideoSource {
  createTrack(): VideoTrack;
  onFrame(frame: { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray }): void;
}

/** Pictures that came. */
export interface VideoSink {
  onframe: (() => void) | null;
  stop(): void;
}

/** Its package: no dependency of this one, since it is 30 MB of binaries. */
const PACKAGE: string = '@roamhq/wrtc';

/** @throws Error when it is not installed. */
export async function loadWebRtc(): Promise<WebRtc> {
  const loaded: { readonly default: WebRtc } = await import(PACKAGE);
  return loaded.default;
}
