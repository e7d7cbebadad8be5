/** The text of `--help`. */
export const HELP: string = `Usage: joinery calls list    --application NAME (--brokers LIST | --config FILE) [options]
       joinery calls resolve --application NAME (--brokers LIST | --config FILE) --id ID
                             (--done [--result TEXT] | --not-sent | --abandoned) --decided-by NAME --reason TEXT [options]

Lists the calls of an application (callOnce) whose requests may or may not have been made, and resolves one of them. The
application does not have to be running: the owner of the call's task applies the decision, now or when it runs.

Resolving
  --id ID                  the call
  --token TOKEN            the claim that you have examined: if another one is in doubt now, nothing is decided
  --pipeline NAME          required if two pipelines have a call with that id in doubt
  --done                   the request was made
  --result TEXT            with --done: the value for the pipeline's sink, as its value serde writes it (UTF-8).
                           Required if there is a sink: without it the owner ignores the decision
  --not-sent               the request was not made: the call is made again
  --abandoned              the call is abandoned
  --decided-by NAME        kept with the decision
  --reason TEXT            kept with the decision
  --claimant-has-ended     you have made sure that the claimant's process has ended, and gathered your evidence after
                           that; required unless "finished" is "yes"

Connecting
  --brokers LIST           host:port,host:port
  --tls                    with the certificate authorities that Node trusts
  --tls-ca FILE            with this certificate authority (PEM)
  --tls-cert FILE, --tls-key FILE
                           with a client certificate
  --sasl-mechanism NAME    plain, scram-sha-256 or scram-sha-512; the password is taken from JOINERY_SASL_PASSWORD
  --sasl-username NAME
  --config FILE            a module that exports config, as kafkaLog takes it, instead of all these

  --json                   list: one JSON object per line; resolve: one JSON object
  --help

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 nothing was decided: the call is not in doubt, or the decision could cause a
second request.
`
