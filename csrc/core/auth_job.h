/* What credentials are asked for, as work of the engine: see accs_auth_job. */
#ifndef ACCS_AUTH_JOB_H
#define ACCS_AUTH_JOB_H

#include "ims.h"
#include "token.h"

typedef struct accs_job accs_job;

/* What the jobs of one accs_auth share. */
typedef struct accs_jobs {
    accs_engine *engine;
    accs_token_source *source;
    accs_job *first; /* all that have not ended */
} accs_jobs;

/* timeout_ms: of the whole job. ACCS_ERROR_MEMORY. */
accs_error accs_job_start(accs_jobs *jobs, accs_auth_job what, int64_t timeout_ms, uint64_t *id);

/* Ends all of them as cancelled. */
void accs_jobs_cancel(accs_jobs *jobs);

#endif
