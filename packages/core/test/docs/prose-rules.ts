import type { ProseRule } from './prose-rule.js'
import { TERMS } from './prose-terms.js'

const NO_SUBJECT = 'no antecedent: name the subject'
const NOT_ENGLISH = 'not idiomatic technical English'

/** Phrases that have crept in before. */
export const PROSE_RULES: readonly ProseRule[] = [
  ...TERMS,
  // subjects
  {
    phrase: 'somebody|anybody|everybody|someone|anyone else|somebody else',
    instead: 'the owner, a person, another process, ...',
    reason: NO_SUBJECT,
    refuses: 'Until somebody decides.',
  },
  { phrase: 'nobody', instead: 'no process, it is not known', reason: NO_SUBJECT, refuses: 'Nobody here knows.' },
  {
    phrase: 'whoever|whomever',
    instead: 'the caller, the owner, ...',
    reason: NO_SUBJECT,
    refuses: 'Whoever holds the store closes it.',
  },
  {
    phrase: '(?<=^|(?:^|[.;:!]|\\*) )Who(?! [^.]*\\?)',
    exactCase: true,
    instead: 'the process that, the caller that, the claimant',
    reason: NO_SUBJECT,
    refuses: 'It ends. Who changes from one to the other starts from scratch.',
  },
  {
    phrase: "another's|others'|calls of others",
    instead: 'belongs to another instance, external calls',
    reason: NO_SUBJECT,
    refuses: "Task 3 is another's.",
  },
  // words
  {
    phrase: '(?:an?|another) (?:\\w+ )?\\w+ of (?:its|their|your|our) own',
    instead: 'its own ..., a separate ...',
    reason: NOT_ENGLISH,
    refuses: 'Each channel has a connection of its own.',
  },
  {
    phrase: 'any more(?! \\w+s\\b)',
    instead: 'no longer',
    reason: NOT_ENGLISH,
    refuses: 'The session cannot be used any more.',
  },
  {
    phrase: 'for so long(?! (?:that|as)\\b)|(?<!\\bnot )so many(?! that\\b)',
    instead: 'for this long, this many',
    reason: 'no antecedent: name the number',
    refuses: 'Once so many bytes are held, nothing is fetched.',
  },
  {
    phrase:
      '(?:positions?|offsets?|batch|header|last|next) behind(?! its\\b)|behind (?:the|its|a) (?:last|batch|header|offset|checksum)',
    instead: 'after',
    reason: 'an offset follows a record',
    refuses: 'The offset behind the batch.',
  },
  {
    phrase: 'also those',
    instead: 'including those',
    reason: NOT_ENGLISH,
    refuses: 'Closes all connections, also those that are being opened.',
  },
  {
    phrase: '(?:the|its) present (?:consumer|generation|owner|end|claim|member|session|state|row)',
    instead: 'current',
    reason: NOT_ENGLISH,
    refuses: 'Why kafkajs gave the present consumer up.',
  },
  {
    phrase: '(?:that|which|it) is none(?! of\\b)|is none any',
    instead: 'is not one, is invalid',
    reason: 'nominal negation',
    refuses: 'JSON that is none.',
  },
  { phrase: 'anew', instead: 'again, new, from scratch', reason: NOT_ENGLISH, refuses: 'It is built anew.' },
  { phrase: 'for ever', instead: 'forever', reason: NOT_ENGLISH, refuses: 'It is kept for ever.' },
  {
    phrase: 'beside',
    instead: 'in addition to, with, next to, although',
    reason: NOT_ENGLISH,
    refuses: 'The mark is beside the rows.',
  },
  { phrase: 'till', instead: 'until', reason: NOT_ENGLISH, refuses: 'Till then it waits.' },
  {
    phrase: 'st(?:ands?|ood|anding) (?:still|before|behind)',
    instead: 'is paused, hangs, is blocked, comes after',
    reason: NOT_ENGLISH,
    refuses: 'The process stands still.',
  },
  {
    phrase: 'connections? (?:stands?|stood)',
    instead: 'is open',
    reason: NOT_ENGLISH,
    refuses: 'Until the connection stands.',
  },
  { phrase: 'with what', instead: 'with the ... that', reason: NOT_ENGLISH, refuses: 'Go on with what comes now.' },
  { phrase: 'of today', instead: 'current', reason: NOT_ENGLISH, refuses: 'The rows of today.' },
  {
    phrase: '(?:go|goes|going|went|gone) on(?! (?:a|an|the|this|that|its|disk|Kafka)\\b)',
    instead: 'continue',
    reason: NOT_ENGLISH,
    refuses: 'The task goes on.',
  },
  { phrase: 'in silence', instead: 'silently', reason: NOT_ENGLISH, refuses: 'Nothing is lost in silence.' },
  {
    phrase: 'what(?:ever)? (?:has |had )?(?:became|becomes?|will become) of',
    instead: 'the outcome of',
    reason: NOT_ENGLISH,
    refuses: 'It reports what became of the call.',
  },
  {
    phrase: 'look(?:s|ed|ing)? at (?:again|once)|(?:is|are|be|been|was|were|being) looked at',
    instead: 'evaluated, checked, examined',
    reason: NOT_ENGLISH,
    refuses: 'The event is looked at again.',
  },
  { phrase: 'in words', instead: 'as text', reason: NOT_ENGLISH, refuses: 'What went wrong, in words.' },
  {
    phrase: 'now and then|every now and again',
    instead: 'periodically',
    reason: NOT_ENGLISH,
    refuses: 'It looks now and then.',
  },
  {
    phrase: 'over (?:a |any |the )?(?:restarts?|crash(?:es)?)',
    instead: 'across restarts',
    reason: NOT_ENGLISH,
    refuses: 'It is kept over restarts.',
  },
  {
    phrase: '(?:may |might |could )?(?:comes?|came|coming) again',
    instead: 'is delivered again, is repeated',
    reason: NOT_ENGLISH,
    refuses: 'Some outputs come again.',
  },
  { phrase: 'cures?|cured|incurable', instead: 'fix', reason: NOT_ENGLISH, refuses: 'What no attempt cures.' },
  { phrase: 'sees? to (?:it|that)', instead: 'ensures', reason: NOT_ENGLISH, refuses: 'A test sees to it.' },
  {
    phrase: '(?:speaks?|spoke) of',
    instead: 'is about',
    reason: NOT_ENGLISH,
    refuses: 'If the message speaks of calls.',
  },
  {
    phrase: '(?:says?|said) (?:so )?of',
    instead: 'reports for',
    reason: NOT_ENGLISH,
    refuses: 'What it says of a commit.',
  },
  {
    phrase:
      '(?<!\\bthere |\\bthat |\\bbut )(?:is|are) no (?!longer\\b|more\\b|less\\b|different\\b|such\\b|longer$)\\w+',
    instead: 'is not a',
    reason: 'nominal negation',
    refuses: 'Bytes are no value of their serde.',
  },
  {
    phrase: '(?<=^|(?:^|[.;!]) )Of(?! course)(?![^.:]*:)',
    exactCase: true,
    instead: 'for',
    reason: 'inverted clause',
    refuses: 'Of calls it keeps the claims.',
  },
  {
    phrase: '(?:where|what|who|how|which) [^.,;:!?]{1,60}, (?:decides?|determines?|depends?|shows?|says?|follows?)',
    instead: 'What a crash can cause depends on where the state is kept.',
    reason: 'inverted clause',
    refuses: 'Where state is, decides what a crash does.',
  },
  {
    phrase: '(?<=, )says? (?!that|whether|it|so|which|what|how|why|who|where|when|nothing)[^.]*(?=[.]|$)',
    instead: 'see testing.md',
    reason: 'inverted clause',
    refuses: 'What to do when a seed is no longer the right one, says testing.md.',
  },
  {
    phrase: '(?:which|as) (?:it|they|this) (?:says?|said)|loudly',
    instead: 'and the run reports that prominently',
    reason: NOT_ENGLISH,
    refuses: 'It is skipped, which it says loudly.',
  },
  {
    phrase: 'what there is (?:no|none|nothing)|what is there of',
    instead: 'tests whose service is unavailable, records of an incomplete step',
    reason: NO_SUBJECT,
    refuses: 'What is there of a step is removed.',
  },
  {
    phrase: '(?:is|are|was|were|be|been|being) taken back',
    instead: 'rolled back, withdrawn, reverted',
    reason: NOT_ENGLISH,
    refuses: 'An incomplete step is taken back.',
  },
  {
    phrase: '(?:an?|the|one) (?:\\w+ )?\\w+ (?:is|are|was|were) (?:needed|wanted), not',
    instead: 'expected a string, got a number',
    reason: NOT_ENGLISH,
    refuses: 'a text is needed, not number',
  },
  {
    phrase: 'connections? (?:to|with) (?:an?|the|its) \\w+ (?:has |have )?end(?:s|ed)?',
    instead: 'lost, closed: name the broker',
    reason: NOT_ENGLISH,
    refuses: 'a connection to a broker ended: read ECONNRESET',
  },
  {
    phrase: 'h(?:olds?|eld|olding) (?!up\\b)[^.;:]{1,60} against',
    instead: 'compares ... with',
    reason: NOT_ENGLISH,
    refuses: 'For calls it holds the changelog, commit by commit, against what the service remembers.',
  },
  {
    phrase: 'never (?:was|were)(?=[.,;:])',
    instead: 'is ignored',
    reason: NOT_ENGLISH,
    refuses: 'A truncated line never was.',
  },
  {
    phrase: 'so that no [^.;:]{1,60} gets? past',
    instead: 'cannot bypass it',
    reason: NOT_ENGLISH,
    refuses: 'It is written down, so that no number of further starts gets past it.',
  },
  {
    phrase: '(?:is|are|was|were|be) done again|whatever happens(?=:)',
    instead: 'is redone, is repeated; in every case',
    reason: NOT_ENGLISH,
    refuses: 'What was not committed is done again.',
  },
]

/** Exact texts that may stay, by file: quotations, and names that are not ours. */
export const PROSE_EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {}

/** The rules as they are matched. */
export const COMPILED_RULES: readonly (readonly [rule: ProseRule, pattern: RegExp])[] = PROSE_RULES.map((rule) => [
  rule,
  new RegExp(`(?<![\\w-])(?:${rule.phrase.replaceAll(' ', '\\s+')})(?![\\w-])`, rule.exactCase ? 'gu' : 'giu'),
])
