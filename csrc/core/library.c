#include "library.h"

#include "compat.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

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

/*
 * Not curl_version(): where libcurl has OpenLDAP, that asks a name server for
 * this machine's own name, and waits for the answer.
 */
void accs_libraries(char *text, size_t text_size)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    snprintf(text, text_size, "libcurl/%s %s zlib/%s", info->version,
             info->ssl_version != NULL ? info->ssl_version : "no TLS",
             info->libz_version != NULL ? info->libz_version : "none");
}
