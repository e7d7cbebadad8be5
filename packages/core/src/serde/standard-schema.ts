/** A schema of any library that implements Standard Schema version 1 (https://standardschema.dev). */
export interface StandardSchema<In = unknown, Out = In> {
  /** The properties that the specification defines. */
  readonly '~standard': {
    /** The version of the specification. */
    readonly version: 1
    /** The name of the library. */
    readonly vendor: string
    /**
     * Validates a value. It has to be synchronous here.
     *
     * @returns the transformed value, or the issues; a promise fails with `DECODE_FAILED`
     */
    readonly validate: (value: unknown) => StandardResult<Out> | Promise<StandardResult<Out>>
    /** For type inference only; it has no value at run time. */
    readonly types?:
      | {
          /** The type to encode. */
          readonly input: In
          /** The decoded type. */
          readonly output: Out
        }
      | undefined
  }
}

/** The result of a validation. */
export type StandardResult<Out> =
  | {
      /** The value, transformed by the schema. */
      readonly value: Out
      /** Absent: the value is valid. */
      readonly issues?: undefined
    }
  | {
      /** Why the value is invalid. */
      readonly issues: readonly {
        /** A description of the problem. */
        readonly message: string
        /** The path to the part of the value concerned. */
        readonly path?: readonly unknown[] | undefined
      }[]
    }
