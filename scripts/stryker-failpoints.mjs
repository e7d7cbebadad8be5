/** Keeps Stryker from changing the names of failpoints: builds leave them out, and crash tests fail if one is never hit. */
export const strykerPlugins = [
  {
    kind: 'Ignore',
    name: 'failpoints',
    value: {
      shouldIgnore: (path) =>
        path.isCallExpression() && path.node.callee.name === 'failpoint' ? 'builds leave failpoints out' : undefined,
    },
  },
]
