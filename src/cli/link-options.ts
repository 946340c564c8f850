import { type Command, Option } from 'commander';
import type { LinkModel } from '../sim/link-model.ts';
import { type PresetName, presets } from '../sim/presets.ts';
import { type LinkField, linkFields, parseLink, parseLinkField } from './link-text.ts';
import { reader } from './options.ts';

/** The options that describe a link, as commander hands them over. */
export interface LinkOptions extends Readonly<Partial<Record<LinkField, LinkModel>>> {
  readonly preset?: PresetName;
  readonly up?: LinkModel;
  readonly down?: LinkModel;
}

const fieldHelp: Readonly<Record<LinkField, readonly [value: string, help: string]>> = {
  loss: ['percent', 'lose this part, such as 30%'],
  burst: ['percent/run', 'lose this part in runs, such as 5%/8: 8 in a row on average'],
  delay: ['time', 'time on the way, such as 25ms'],
  jitter: ['time', 'up to this much more, evenly drawn'],
  reorder: ['percent', 'hold this part back by 10 to 20 ms, so that others overtake it'],
  duplicate: ['percent', 'deliver this part twice'],
  corrupt: ['percent', 'flip one bit in this part'],
  rate: ['rate', 'a bottleneck, such as 2Mbit/s'],
  queue: ['size', 'what waits at the bottleneck at most (default: 65536B)'],
  mtu: ['size', 'lose larger datagrams without a word, such as 700B (UDP payload)'],
};

/**
 * Adds the options that describe a link: a preset's name, each part of it both ways, and all parts for one way.
 *
 * @param parts that get an option of their own; a command that uses one of their names otherwise leaves it out. `--up` and `--down` know all.
 */
export function withLinkOptions(command: Command, parts: readonly LinkField[] = linkFields): Command {
  command.addOption(
    new Option('--preset <name>', 'a link by name; the options below change it').choices(Object.keys(presets)),
  );
  for (const field of parts) {
    const [value, help] = fieldHelp[field];
    command.option(
      `--${field} <${value}>`,
      help,
      reader((text) => parseLinkField(field, text)),
    );
  }
  const link = reader(parseLink);
  return command
    .option('--up <link>', 'towards the camera only, such as loss=30%,delay=25ms', link)
    .option('--down <link>', 'towards the viewers only', link);
}

/** A preset, or `plain` without one, changed by the options for both ways, changed by those for one. */
export function linksOf(
  options: LinkOptions,
  plain: LinkModel = {},
): { readonly toCamera: LinkModel; readonly toViewer: LinkModel } {
  const { preset, up, down } = options;
  const { toCamera, toViewer } = preset === undefined ? { toCamera: plain, toViewer: plain } : presets[preset];
  const both = Object.assign({}, ...linkFields.map((field) => options[field])) as LinkModel;
  return { toCamera: { ...toCamera, ...both, ...up }, toViewer: { ...toViewer, ...both, ...down } };
}
