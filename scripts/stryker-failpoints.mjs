/** Prevents Stryker from mutating the names of failpoints: builds remove them, and crash tests fail if one is never reached. */
export const strykerPlugins = [
  {
    kind: 'Ignore',
    name: 'failpoints',
    value: {
      shouldIgnore: (path) =>
        path.isCallExpression() && path.node.callee.name === 'failpoint' ? 'builds remove failpoints' : undefined,
    },
  },
]
