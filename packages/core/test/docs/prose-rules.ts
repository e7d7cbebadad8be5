/** A phrase that documents, comments and messages must not contain. */
export interface ProseRule {
  /** A regular expression, matched as whole words, in any case unless it says `exactCase`; a space is any white space. */
  readonly phrase: string
  readonly exactCase?: true
  /** What to write. */
  readonly instead: string
  readonly reason: string
  /** A sentence that the rule refuses. */
  readonly refuses: string
}

const NOT_THE_TERM = "not the field's term"
const NO_SUBJECT = 'no antecedent: name the subject'
const NOT_ENGLISH = 'not idiomatic technical English'

/** Phrases that have crept in before. */
export const PROSE_RULES: readonly ProseRule[] = [
  // terms
  {
    phrase: 'answer(?:s|ed|ing)?',
    instead: 'returns (a function), responds, response (a server), result',
    reason: NOT_THE_TERM,
    refuses: 'Answers whether the key has a row.',
  },
  {
    phrase: 'tells?|told|telling',
    instead: 'reports, notifies, publishes, distinguishes',
    reason: NOT_THE_TERM,
    refuses: 'Such a call is told as in doubt.',
  },
  {
    phrase: 'doubts|(?:a|the|its|his|each|every|one|this|that) doubt',
    instead: 'a call in doubt',
    reason: '"in doubt" is the term of XA; "a doubt" is not',
    refuses: 'Decide a doubt.',
  },
  {
    phrase: 'waiting rooms?',
    instead: 'wait buffer',
    reason: NOT_THE_TERM,
    refuses: 'The waiting room is full.',
  },
  {
    phrase: '(?:the|its|a|no|each) gates?',
    instead: 'catch-up: the table has caught up',
    reason: NOT_THE_TERM,
    refuses: 'The stream waits until the gate opens.',
  },
  {
    phrase: 'written end|stable end|ends? (?:is|are) written',
    instead: 'high watermark, last stable offset',
    reason: NOT_THE_TERM,
    refuses: 'Expiry asks the log for the written end.',
  },
  {
    phrase: 'put(?:s|ting)? (?:\\w+ ){0,3}aside|set(?:s|ting)? (?:\\w+ ){0,3}aside',
    instead: 'dead-letter',
    reason: NOT_THE_TERM,
    refuses: 'Put such records aside.',
  },
  {
    phrase: '(?:tried|tries|try) (?:it |them )?again',
    instead: 'retry',
    reason: NOT_THE_TERM,
    refuses: 'A write that fails is tried again.',
  },
  {
    phrase: 'pass(?:es)? by (?:itself|themselves)',
    instead: 'is transient',
    reason: NOT_THE_TERM,
    refuses: 'Errors that pass by themselves are retriable.',
  },
  {
    phrase: 'asked for(?! it)|ask(?:s|ing)? for (?:the |an? |its )?ends?',
    instead: 'requested, fetched',
    reason: NOT_THE_TERM,
    refuses: 'The end was asked for after the start.',
  },
  {
    phrase: 'lets? (?:\\w+ ){0,2}go|letting (?:\\w+ ){0,2}go',
    instead: 'evict, release',
    reason: NOT_THE_TERM,
    refuses: 'The store lets rows go.',
  },
  {
    phrase: 'cut off by|(?:has|have|had) cut off',
    instead: 'truncated',
    reason: NOT_THE_TERM,
    refuses: 'A line that a crash has cut off.',
  },
  {
    phrase: '(?:a|every) person|persons',
    instead: 'an operator',
    reason: NOT_THE_TERM,
    refuses: 'A person decides.',
  },
  {
    phrase: 'canar(?:y|ies)',
    instead: 'mutant, seeded bug',
    reason: 'a canary is a release strategy',
    refuses: 'Each canary has its seed.',
  },
  {
    phrase: 'prov(?:e|es|ed|ing) (?:its |the |that it is a )?member(?:ship)?',
    instead: 'verify membership',
    reason: NOT_THE_TERM,
    refuses: 'First prove membership.',
  },
  {
    phrase: 'tripwires?|leaves? word',
    instead: 'checkpoint',
    reason: NOT_THE_TERM,
    refuses: 'Each owner leaves word of itself.',
  },
  // subjects
  {
    phrase: 'somebody|anybody|everybody|someone|anyone else|somebody else',
    instead: 'the owner, an operator, another process, ...',
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
    phrase: '(?<=(?:^|[.;:!]|\\*) )Who(?! [^.]*\\?)',
    exactCase: true,
    instead: 'the process that, the caller that, the claimant',
    reason: NO_SUBJECT,
    refuses: 'It ends. Who changes from one to the other starts from scratch.',
  },
  {
    phrase: "another's|others'",
    instead: 'belongs to another instance',
    reason: NO_SUBJECT,
    refuses: "Task 3 is another's.",
  },
  // words
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
    phrase: 'what (?:has |had )?(?:became|becomes?|will become) of',
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
    phrase: '(?<=(?:^|[.;!]) )Of(?! course)(?![^.:]*:)',
    exactCase: true,
    instead: 'for',
    reason: 'inverted clause',
    refuses: 'It is checked. Of calls it holds the changelog against the service.',
  },
]

/** Exact texts that may stay, by file: quotations, and names that are not ours. */
export const PROSE_EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {}

/** The rules as they are matched. */
export const COMPILED_RULES: readonly (readonly [rule: ProseRule, pattern: RegExp])[] = PROSE_RULES.map((rule) => [
  rule,
  new RegExp(`(?<![\\w-])(?:${rule.phrase.replaceAll(' ', '\\s+')})(?![\\w-])`, rule.exactCase ? 'gu' : 'giu'),
])
