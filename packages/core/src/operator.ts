export { type FunctionWatch, type FunctionWatchOptions, functionWatch } from './embedded/function-watch.js'
export { openOperator } from './embedded/open-operator.js'
export type { ChangelogOf, Operator, Step, StepOutcome } from './embedded/operator.js'
export type { OperatorOptions, TopicLimits } from './embedded/operator-options.js'
