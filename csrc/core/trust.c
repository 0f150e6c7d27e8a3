#include "trust.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* For the server and for a proxy that is spoken to over TLS. */
static bool set(CURL *easy, const char *file, const char *directory)
{
    return curl_easy_setopt(easy, CURLOPT_CAINFO, file) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, directory) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, file) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, directory) == CURLE_OK;
}

/* OpenSSL's name for a certificate in a hashed directory: eight hex digits, a dot, a number. */
static bool hashed_name(const char *name)
{
    for (int i = 0; i < 8; i++)
        if (!isxdigit((unsigned char)name[i]))
            return false;
    return name[8] == '.' && isdigit((unsigned char)name[9]);
}

static bool hashed_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    bool found = false;

    if (directory == NULL)
        return false;
    while (!found && (entry = readdir(directory)) != NULL)
        found = hashed_name(entry->d_name);
    closedir(directory);
    return found;
}

bool accs_trust_set(CURL *easy, const char *ca_file)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    const char *file = secure_getenv("SSL_CERT_FILE");
    const char *directory = secure_getenv("SSL_CERT_DIR");

    if (ca_file != NULL)
        return set(easy, ca_file, NULL);
    if (file != NULL || directory != NULL)
        return set(easy, file, directory);
    if (info->ssl_version == NULL || strncmp(info->ssl_version, "OpenSSL", 7) != 0)
        return true; /* other libraries do not read hashed directories */
    if (info->capath != NULL && hashed_directory(info->capath))
        return set(easy, NULL, info->capath);
    return true;
}
