/* What holds for the whole process: libcurl's initialisation. */
#ifndef ACCS_LIBRARY_H
#define ACCS_LIBRARY_H

#include "accs.h"

/*
 * Initialises libcurl once per process and never undoes it; any thread. Also
 * pins the module that this code is part of, since a resolver thread of libcurl
 * may outlive every engine and would run on in unmapped code.
 */
bool accs_library_start(void);

#endif
