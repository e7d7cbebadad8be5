/** Whether a text is `host:port`. */
export const isBrokerAddress = (text: unknown): boolean =>
  typeof text === 'string' && /^(\[[0-9A-Fa-f:.]+\]|[^\s:,[\]/@]+):\d{1,5}$/.test(text)
