import kafkajs from 'kafkajs'

/** The format of what consumers exchange when they join a group. */
export const AssignerProtocol: typeof kafkajs.AssignerProtocol = kafkajs.AssignerProtocol
