/** What `--help` prints. */
export const HELP: string = `Usage: joinery calls list    --application NAME (--brokers LIST | --config FILE) [options]
       joinery calls resolve --application NAME (--brokers LIST | --config FILE) --id ID
                             (--done [--result TEXT] | --not-sent | --abandoned) --by WHO --why WHY [options]

The calls of an application (callOnce) of which nobody knows whether their request was made: lists them, and decides one.
The application need not run; a decision is applied by the owner of the call's task, or by the next one.

Deciding
  --id ID                  the call
  --token TOKEN            the claim that you have looked at: if another is in doubt by now, nothing is decided
  --pipeline NAME          needed if two pipelines have a call of that id in doubt
  --done                   the request was made
  --result TEXT            with --done: what is written to the pipeline's sink, as its value serde writes it (UTF-8). Needed
                           if there is a sink: without it the owner ignores the decision
  --not-sent               the request was not made: the call is made again
  --abandoned              the call is given up
  --by WHO, --why WHY      kept with the decision
  --claimant-has-ended     you have made sure that the claimant's process has ended, and gathered your evidence after that;
                           needed where "finished" is false

Connecting
  --brokers LIST           host:port,host:port
  --tls                    with the certificates that Node trusts
  --tls-ca FILE            with this certificate authority (PEM)
  --tls-cert FILE, --tls-key FILE
                           with a client certificate
  --sasl-mechanism NAME    plain, scram-sha-256 or scram-sha-512; the password is taken from JOINERY_SASL_PASSWORD
  --sasl-username NAME
  --config FILE            a module that exports config, as kafkaLog takes it, in place of all these

  --json                   list: one JSON object a line; resolve: one JSON object
  --help

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 nothing was decided: there is no such doubt, or it could cause a second request.
`
