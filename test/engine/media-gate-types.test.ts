import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

const snippets = {
  construct: "export const forged = new MediaSend(new Uint8Array(1), { address: '', port: 1 });",
  literal:
    "export const forged: MediaSend = { kind: 'media', bytes: new Uint8Array(1), to: { address: '', port: 1 } };",
  proof: "export const forged: ConfirmProof = { sessionTag: 1n, tupleKey: '' };",
  token: "export const forged: TokenProof = { sessionTag: 1n, tupleKey: '' };",
  redeemed: "export const forged = TokenProof.of({ spend: () => true }, { sessionTag: 1n, tupleKey: '' });",
  annotation: 'export function take(send: MediaSend, proof: ConfirmProof): unknown { return [send, proof]; }',
};

/** What the compiler says of each snippet when it stands in src/engine. */
function compile(): Map<string, readonly string[]> {
  const folder = fileURLToPath(new URL('../../src/engine/', import.meta.url));
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: [],
  };
  const files = new Map(
    Object.entries(snippets).map(([name, code]) => [
      `${folder}forgery-${name}.ts`,
      `import { ConfirmProof, MediaSend, TokenProof } from './media-gate.ts';\nvoid ConfirmProof;\nvoid MediaSend;\nvoid TokenProof;\n${code}\n`,
    ]),
  );
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.fileExists = (name) => files.has(name) || fileExists(name);
  const program = ts.createProgram([...files.keys()], options, host);
  return new Map(
    [...files.keys()].map((name, index) => [
      Object.keys(snippets)[index] ?? '',
      ts
        .getPreEmitDiagnostics(program, program.getSourceFile(name))
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
    ]),
  );
}

describe('what the compiler lets other code do with the media gate', () => {
  let errors: Map<string, readonly string[]>;
  beforeAll(() => {
    errors = compile();
  });

  it('lets other code use both types', () => {
    expect(errors.get('annotation')).toEqual([]);
  });

  it('refuses to construct a MediaSend outside of the gate (S1)', () => {
    expect(errors.get('construct')).not.toEqual([]);
  });

  it('refuses to pass off an object literal as a MediaSend (S1)', () => {
    expect(errors.get('literal')).not.toEqual([]);
  });

  it('refuses to pass off an object literal as a ConfirmProof (S1)', () => {
    expect(errors.get('proof')).not.toEqual([]);
  });

  it('refuses to pass off an object literal as a TokenProof, or as the token behind it (S1, S2)', () => {
    expect(errors.get('token')).not.toEqual([]);
    expect(errors.get('redeemed')).not.toEqual([]);
  });
});
