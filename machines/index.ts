export * from './backoff.ts';
export * from './initiator.ts';
export * from './responder.ts';
export * from './types.ts';
