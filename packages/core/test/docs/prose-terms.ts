import type { ProseRule } from './prose-rule.js'

const NOT_THE_TERM = "not the field's term"

/** Words that have crept in before although the field has terms for them. */
export const TERMS: readonly ProseRule[] = [
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
  {
    phrase: 'ask(?:s|ed|ing)? (?:the|its|an?|every|each|any|whether|which|how)',
    instead: 'sends a request to, queries, checks',
    reason: NOT_THE_TERM,
    refuses: 'Asks the coordinator, and the next one if it has moved.',
  },
  {
    phrase: 'believes?|hears? of|(?:less|more|its|their) patience',
    instead: 'considers, notices, timeout',
    reason: 'a program is not a person',
    refuses: 'kafkajs hears of errors alone.',
  },
]
