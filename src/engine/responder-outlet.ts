import type { StreamFeed } from '../media/stream-feed.ts';
import { MediaOutlet } from './media-outlet.ts';
import type { ResponderHost } from './responder-host.ts';
import type { ResponderSession } from './responder-session.ts';

/** Where the media of a feed leaves. Not before the confirm: a candidate has nothing to send, and there may be many. */
export function responderOutlet(host: ResponderHost, session: ResponderSession, feed: StreamFeed): MediaOutlet {
  host.joinFeed(session, feed);
  return new MediaOutlet(host, session, feed, {
    repair: host.repair,
    datagramBytesMax: host.datagramBytesMax,
    secured: session.security !== undefined,
  });
}
