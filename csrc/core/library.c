#include "library.h"

#include "compat.h"

#include <dlfcn.h>
#include <pthread.h>

/* The one exception from "no mutable statics". */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool started;

static void start(void)
{
    Dl_info info;

    if (dladdr((const void *)&once, &info) != 0 && info.dli_fname != NULL)
        dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE); /* kept on purpose */
    started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

bool accs_library_start(void)
{
    return pthread_once(&once, start) == 0 && started;
}

const char *accs_libraries(void)
{
    return curl_version();
}
