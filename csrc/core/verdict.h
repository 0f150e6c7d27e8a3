/* What the end of a call is called: its error kind, outcome and text. Pure. */
#ifndef ACCS_VERDICT_H
#define ACCS_VERDICT_H

#include "reply.h"
#include "transfer.h"

/*
 * Judges an answer that came whole.
 *
 * reply        status, headers and body
 * maybe_acted  an earlier attempt may have been acted on
 * failure      filled, except for attempts, when the answer is no success
 *
 * Returns ACCS_OK for a 2xx that is not an HTML page, else failure->code.
 */
accs_error accs_verdict_answer(const accs_reply *reply, bool maybe_acted, accs_failure *failure);

/* Judges an attempt without a usable answer; fills failure, except for attempts. */
void accs_verdict_attempt(const accs_transfer_result *result, const accs_reply *reply,
                          bool maybe_acted, accs_failure *failure);

#endif
