/** `resourceType` of a topic, and of a broker, which only that broker describes. */
export const TOPIC_RESOURCE = 2
export const BROKER_RESOURCE = 4

export const DESCRIBE_CONFIGS = {
  key: 32,
  name: 'DescribeConfigs',
  minVersion: 2,
  maxVersion: 4,
  firstFlexibleVersion: 4,
  request: {
    resources: {
      array: {
        resourceType: 'int8',
        resourceName: 'string',
        /** `null`: all of them. */
        configurationKeys: { nullableArray: 'string' },
      },
    },
    includeSynonyms: { type: 'bool', default: false },
    includeDocumentation: { type: 'bool', from: 3, default: false },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    results: {
      array: {
        errorCode: 'int16',
        errorMessage: 'nullableString',
        resourceType: 'int8',
        resourceName: 'string',
        configs: {
          array: {
            name: 'string',
            value: 'nullableString',
            readOnly: 'bool',
            configSource: { type: 'int8', default: -1 },
            isSensitive: 'bool',
            synonyms: {
              array: {
                name: 'string',
                value: 'nullableString',
                source: 'int8',
              },
            },
            configType: { type: 'int8', from: 3, default: 0 },
            documentation: { type: 'nullableString', from: 3 },
          },
        },
      },
    },
  },
} as const
