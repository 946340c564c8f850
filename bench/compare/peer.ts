/** Bytes of the first media, which every peer's viewer waits for: one full-size datagram's. */
export const MEDIA_BYTES = 1200;

/** Bytes with which a viewer asks where the protocol itself asks for nothing: as long as a START. */
export const REQUEST_BYTES = 256;

/**
 * Where nothing repeats media that was lost, a camera that sent its key frame and nothing more would leave a third of all viewers at 30 % loss
 * without any. There it goes on with a datagram each so many ms, as a live one does.
 */
export const NEXT_FRAME_MS = 33;

/** The same, for people. */
export const CAMERA_GOES_ON = 'the camera goes on with 30 datagrams a second';

/** What a peer needs to run, as texts that pass between processes: keys, certificates, paths. Or why it cannot run here. */
export type Prepared =
  | { readonly ok: true; readonly credentials: Readonly<Record<string, string>> }
  | {
      readonly ok: false;
      /** A clause, with what to install: `there is no openssl here (apt install openssl)`. */
      readonly reason: string;
    };

/** What a peer's camera is told. */
export interface CameraSite {
  /** Where it listens: an IPv4 address. */
  readonly address: string;
  readonly credentials: Readonly<Record<string, string>>;
  /** Its key frame: so many times {@link MEDIA_BYTES}, sent as soon as the protocol allows, and nothing after it. */
  readonly keyframeDatagrams: number;
}

/** What a peer's viewers are told. */
export interface ViewerSite extends CameraSite {
  /** Of the camera, as it said. */
  readonly port: number;
  /** How long a viewer waits, ms. */
  readonly timeoutMs: number;
}

/** Ends one viewer and frees what it had; its errors are its own. */
export type Leave = () => void;

/** Viewers of one peer, all in a process that runs already. */
export interface PeerViewers {
  /**
   * One viewer, from its decision until the first {@link MEDIA_BYTES} of media are in its application's hands.
   *
   * @param signal aborted when it has waited long enough: it then frees what it has, and may stay unresolved.
   * @throws what went wrong; its `code`, else its message, is counted.
   */
  watch(signal: AbortSignal): Promise<Leave>;
}

/** A way to get media from a camera: what a user could pick. */
export interface ComparePeer {
  /** As it is typed: `--peers tcp`. */
  readonly name: string;
  /** As it is printed, with the program it is of. */
  readonly title: string;
  /** From what to what its time goes, and what is not in it, a sentence. */
  readonly counts: string;
  /** More viewers in a second than this would measure this machine's processor; absent: as many as asked for. */
  readonly perSecondMax?: number;
  /** It asks once and repeats nothing: viewers to whom nothing came are left out of its times, and counted. */
  readonly unrepeated?: boolean;
  /**
   * Looks whether it can run here, and makes what it needs.
   *
   * @param folder for files; gone when the bench ends.
   */
  prepare(folder: string): Promise<Prepared>;
  /** Starts its camera, which runs until the process ends. @returns its port. */
  camera(site: CameraSite): Promise<number>;
  /** Gets ready for its viewers; this is in nobody's time. */
  viewers(site: ViewerSite): Promise<PeerViewers>;
}

/** For peers that need nothing but Node. */
export async function nothingNeeded(): Promise<Prepared> {
  return { ok: true, credentials: {} };
}
