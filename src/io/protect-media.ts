import type { ProtectMedia } from '../engine/media-protection.ts';

/** What protects the media of secured sessions; while there is nothing, `respond()` and `initiate()` refuse modes `psk` and `keys`. */
export const protectMedia: ProtectMedia | undefined = undefined;
