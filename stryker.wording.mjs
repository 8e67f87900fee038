import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

// Sentences for people are no decisions: text with a word and a space in it is not mutated.

const SENTENCE = /[a-z]{2}[:,;)]? | [a-z]{2}/;

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'wording', {
    shouldIgnore({ node }) {
      const text =
        node.type === 'StringLiteral'
          ? node.value
          : node.type === 'TemplateLiteral'
            ? node.quasis.map((part) => part.value.raw).join('$')
            : '';
      return SENTENCE.test(text) ? 'a sentence for people' : undefined;
    },
  }),
];
